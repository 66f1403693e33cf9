/** How a secret shows in an output. */
export type LeakForm =
  'raw' | 'url-encoded' | 'json-escaped' | 'base64' | 'base64 of id:secret' | 'hex' | 'byte numbers';

export interface Needle {
  readonly label: string;
  readonly form: LeakForm;
  /** What to look for, in a view of this kind. Latin-1: one character a byte. */
  readonly text: string;
  readonly view: 'text' | 'base64' | 'hex' | 'numbers';
}

const latin1 = (text: string) => Buffer.from(text).toString('latin1');

/** As `URLSearchParams` writes a value. */
const formEncoded = (text: string) => new URLSearchParams({ '': text }).toString().slice(1);

/** For HTTP Basic each part is encoded before base64, and clients differ in how. */
const spellings = (text: string) => new Set([text, encodeURIComponent(text), formEncoded(text)]);

/** All forms of one secret to look for. URL-encoding and JSON-escaping are decoded in the text instead. */
export function needlesFor(label: string, secret: string): Needle[] {
  const bytes = Buffer.from(secret);
  return [
    { label, form: 'raw', view: 'text', text: latin1(secret) },
    { label, form: 'hex', view: 'hex', text: bytes.toString('hex') },
    { label, form: 'byte numbers', view: 'numbers', text: [...bytes].join(',') },
    ...[...spellings(secret)].flatMap((spelling) =>
      alignments(Buffer.from(spelling)).map((text): Needle => ({ label, form: 'base64', view: 'base64', text })),
    ),
  ];
}

export function needlesForPair(label: string, clientId: string, secret: string): Needle[] {
  return [...spellings(clientId)].flatMap((id) =>
    [...spellings(secret)].map((spelling): Needle => {
      const whole = Buffer.from(`${id}:${spelling}`).toString('base64').replaceAll('=', '');
      return { label, form: 'base64 of id:secret', view: 'base64', text: whole };
    }),
  );
}

/**
 * Base64 puts 3 bytes in 4 characters, so bytes in the middle of something look different by where they start. The
 * characters that depend on the neighbours are left out.
 */
function alignments(bytes: Buffer): string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    return encoded.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6));
  });
}

export interface View {
  readonly kind: Needle['view'];
  /** The name for a raw needle that is found here. */
  readonly rawForm: LeakForm;
  readonly text: string;
}

/** Decoded several times, because a log line may contain JSON with a URL that contains another URL. */
const MAX_NESTING = 3;

/** The text unchanged, and with encodings that may hide a secret decoded. A view that shows nothing new is left out. */
export function viewsOf(output: string): View[] {
  const texts = new Map<string, LeakForm>([[output, 'raw']]);
  const undo = (form: LeakForm, step: (text: string) => string) => {
    for (let text = output, depth = 0; depth < MAX_NESTING; depth += 1) {
      text = step(text);
      if (!texts.has(text)) texts.set(text, form);
    }
  };
  undo('json-escaped', jsonUnescaped);
  undo('url-encoded', percentDecoded);
  undo('url-encoded', formDecoded);
  undo('url-encoded', (text) => percentDecoded(jsonUnescaped(text)));
  undo('url-encoded', (text) => formDecoded(jsonUnescaped(text)));

  return [...texts].flatMap(([text, rawForm]): View[] => [
    { kind: 'text', rawForm, text },
    { kind: 'base64', rawForm, text: text.replaceAll(/\s/g, '').replaceAll('-', '+').replaceAll('_', '/') },
    { kind: 'hex', rawForm, text: text.toLowerCase().replaceAll(/0x|[\s:,]/g, '') },
    // An index before each number is how JSON and util.inspect write a Uint8Array.
    { kind: 'numbers', rawForm, text: text.replaceAll(/\s|["']?\d+["']?:/g, '') },
  ]);
}

const percentDecoded = (text: string) =>
  text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));

const formDecoded = (text: string) => percentDecoded(text.replaceAll('+', ' '));

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

const jsonUnescaped = (text: string) =>
  text.replaceAll(/\\(?:u([0-9a-f]{4})|(["'\\/bfnrt]))/gi, (_, hex: string | undefined, escape: string) =>
    hex === undefined ? (ESCAPES[escape] ?? escape) : latin1(String.fromCharCode(parseInt(hex, 16))),
  );
