/**
 * Swagger UI plugins. The source text of these functions is sent to the browser, so each must stand alone, without
 * imports or anything else from this file.
 */

/** The part of Swagger UI's plugin system that is used here. */
interface SwaggerUiSystem {
  readonly React: { createElement(type: unknown, props: unknown, ...children: unknown[]): unknown };
}

interface Configs {
  readonly urls: readonly { readonly url: string; readonly name: string }[];
}

interface TopbarProps {
  readonly getConfigs: () => Configs;
}

interface IncludeEmptyProps {
  readonly isIncludedOptions?: object;
}

interface ResponseBodyProps {
  readonly content?: unknown;
}

declare const navigator: { readonly languages: readonly string[] };
declare const location: { readonly href: string; readonly search: string };
declare const document: { readonly documentElement: { lang: string } };

/**
 * Selects the document in the language chosen before a reload (Swagger UI keeps it in the address), or else in the
 * browser's language, and sets the language in HTML.
 */
export function browserLanguage(): unknown {
  const languageOf = (url: string) => new URL(url, location.href).searchParams.get('lang');
  const chosen = ({ urls }: Configs) =>
    urls.find(({ name }) => name === new URLSearchParams(location.search).get('urls.primaryName'))?.name ??
    navigator.languages
      .map((tag) => urls.find(({ url }) => languageOf(url) === tag.split('-')[0]))
      .find((entry) => entry !== undefined)?.name;
  return {
    wrapComponents: {
      Topbar: (Original: unknown, { React }: SwaggerUiSystem) =>
        function Topbar(props: TopbarProps) {
          const configs = props.getConfigs();
          const urls = Object.assign([...configs.urls], { primaryName: chosen(configs) });
          const getConfigs = () => ({ ...configs, urls });
          return React.createElement(Original, { ...props, getConfigs });
        },
    },
    statePlugins: {
      spec: {
        wrapActions: {
          updateUrl: (original: (url: string) => unknown) => (url: string) => {
            document.documentElement.lang = languageOf(url) ?? 'en';
            return original(url);
          },
        },
      },
    },
  };
}

/** Leaves empty fields out of the form. Swagger UI would send them empty unless told otherwise each time. */
export function emptyIsAbsent(): unknown {
  return {
    wrapComponents: {
      ParameterIncludeEmpty: (Original: unknown, { React }: SwaggerUiSystem) =>
        function ParameterIncludeEmpty(props: IncludeEmptyProps) {
          const isIncludedOptions = { ...props.isIncludedOptions, defaultValue: false };
          return React.createElement(Original, { ...props, isIncludedOptions });
        },
    },
  };
}

/** Shows below an answer when its token expires, if it is a JWT (RFC 7519 §4.1.4). */
export function tokenExpiry(): unknown {
  const expiryOf = (content: unknown): Date | undefined => {
    try {
      const { access_token: token } = JSON.parse(String(content)) as { access_token: string };
      const claims = (token.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/');
      const { exp } = JSON.parse(atob(claims)) as { exp: unknown };
      return typeof exp === 'number' ? new Date(exp * 1000) : undefined;
    } catch {
      return undefined;
    }
  };
  return {
    wrapComponents: {
      responseBody: (Original: unknown, { React }: SwaggerUiSystem) =>
        function ResponseBody(props: ResponseBodyProps) {
          const expiry = expiryOf(props.content);
          const body = React.createElement(Original, props);
          if (expiry === undefined) return body;
          const { lang } = document.documentElement;
          const date = new Intl.DateTimeFormat(lang, { dateStyle: 'medium', timeStyle: 'medium' }).format(expiry);
          const hours = Math.round((expiry.getTime() - Date.now()) / 3_600_000);
          const relative = new Intl.RelativeTimeFormat(lang).format(hours, 'hour');
          const line = React.createElement('p', { className: 'token-expiry' }, `JWT exp: ${date} (${relative})`);
          return React.createElement('div', null, body, line);
        },
    },
  };
}
