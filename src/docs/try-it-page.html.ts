import { LANGUAGES } from './translations/languages.js';
import { browserLanguage, emptyIsAbsent, tokenExpiry } from './try-it-page.plugins.js';
import { FAVICON, TRY_IT_PAGE_CSS } from './try-it-page.style.js';

/** The page. `base` is the path from the page to its files. */
export const tryItPageHtml = (base: './' | './cells/') => `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>PostAccessToken · Aspose.Cells Cloud</title>
<link rel="icon" href="${FAVICON}">
<link rel="stylesheet" href="${base}swagger-ui.css">
<style>${TRY_IT_PAGE_CSS}</style>
</head>
<body>
<div id="swagger-ui"></div>
<script src="${base}swagger-ui-bundle.js"></script>
<script src="${base}swagger-ui-standalone-preset.js"></script>
<script src="${base}swagger-ui-init.js"></script>
</body>
</html>
`;

const OPTIONS = {
  dom_id: '#swagger-ui',
  layout: 'StandaloneLayout',
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false,
  validatorUrl: null,
};

const DOCUMENTS = Object.entries(LANGUAGES).map(([tag, { name }]) => ({ name, url: `openapi.json?lang=${tag}` }));

/**
 * Starts Swagger UI in the browser. The documents, one for each language, are beside this script. esbuild, which
 * bundles the service, adds calls of `__name()` to functions, so the plugins' source text that is sent contains them,
 * too.
 */
export const TRY_IT_PAGE_SCRIPT = `const { src } = document.currentScript;
const __name = (named) => named;
window.onload = () => SwaggerUIBundle({
  ...${JSON.stringify(OPTIONS)},
  urls: ${JSON.stringify(DOCUMENTS)}.map(({ name, url }) => ({ name, url: new URL(url, src).href })),
  presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
  plugins: [SwaggerUIBundle.plugins.DownloadUrl, ${[browserLanguage, emptyIsAbsent, tokenExpiry].map(String).join(', ')}],
});
`;
