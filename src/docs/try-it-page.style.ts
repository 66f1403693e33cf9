/** An "A1" cell. */
export const FAVICON =
  'data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22 viewBox=%220 0 32 32%22%3E' +
  '%3Crect width=%2232%22 height=%2232%22 rx=%226%22 fill=%22%231b6e3c%22/%3E' +
  '%3Cpath d=%22M4 12h24M4 21h24M12 4v24%22 stroke=%22%23fff%22 stroke-opacity=%22.45%22 stroke-width=%221.5%22/%3E' +
  '%3Ccircle cx=%2219%22 cy=%2216.5%22 r=%224.5%22 fill=%22%23fff%22/%3E' +
  '%3Cpath d=%22M22 19.500l5 5%22 stroke=%22%23fff%22 stroke-width=%223%22 stroke-linecap=%22round%22/%3E%3C/svg%3E';

/** Corrections to Swagger UI's own style. */
export const TRY_IT_PAGE_CSS = `
html { box-sizing: border-box; overflow-y: scroll; }
*, *::before, *::after { box-sizing: inherit; }
body { margin: 0; background: #fafafa; }
.swagger-ui .topbar { background: #14502c; padding: 8px 0; }
.swagger-ui .topbar .link { display: none; }
.swagger-ui .topbar .download-url-wrapper { justify-content: flex-end; }
.swagger-ui .topbar .download-url-wrapper .select-label { max-width: 18rem; margin: 0; }
/* Still there for screen readers. */
.swagger-ui .topbar .download-url-wrapper .select-label span { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.swagger-ui .topbar .download-url-wrapper .select-label select { border-color: #fff; margin: 0; }

/* There is one server: this one. */
.swagger-ui .scheme-container .schemes .schemes-server-container { display: none; }
.swagger-ui .scheme-container { padding: 12px 0; }
.swagger-ui .scheme-container .schemes { justify-content: flex-end; }

/* Contrast. */
html:not(.dark-mode) .swagger-ui .info .title small, html:not(.dark-mode) .swagger-ui .info .title small.version-stamp { background: #4a4a4a; }
html:not(.dark-mode) .swagger-ui .info .title small.version-stamp { background: #14502c; }
html:not(.dark-mode) .swagger-ui .info a, html:not(.dark-mode) .swagger-ui .info .url { color: #1a5fb4; }
html:not(.dark-mode) .swagger-ui .btn.authorize { color: #14502c; border-color: #14502c; }
html:not(.dark-mode) .swagger-ui .btn.authorize svg { fill: #14502c; }
html:not(.dark-mode) .swagger-ui .opblock.opblock-post .opblock-summary-method { background: #14502c; }
html:not(.dark-mode) .swagger-ui .opblock.opblock-post { border-color: #14502c; background: #f2f8f4; }
html:not(.dark-mode) .swagger-ui .opblock.opblock-post .opblock-summary { border-color: #14502c; }
html:not(.dark-mode) .swagger-ui .parameter__in, html:not(.dark-mode) .swagger-ui .prop-format, html:not(.dark-mode) .swagger-ui .parameter__deprecated { color: #4a4a4a; }
html:not(.dark-mode) .swagger-ui .btn.execute { background: #14502c; border-color: #14502c; }
html:not(.dark-mode) .swagger-ui .btn.try-out__btn { color: #1f2937; border-color: #1f2937; }
html:not(.dark-mode) .swagger-ui .btn.try-out__btn.cancel { color: #b00020; border-color: #b00020; }

/* The body first, then the query, which is there for compatibility. */
.swagger-ui .opblock-section:has(> .opblock-section-request-body) { display: flex; flex-direction: column; }
.swagger-ui .opblock-section > .parameters-container { order: 1; }

/* No answer has links. */
.swagger-ui .responses-table .response-col_links { display: none; }

/* Nothing here is worth sending empty. */
.swagger-ui .parameter__empty_value_toggle { display: none; }

/* A token is one long word. */
.swagger-ui .responses-wrapper pre, .swagger-ui .request-url pre, .swagger-ui .curl-command pre {
  white-space: pre-wrap !important; overflow-wrap: anywhere; word-break: break-all;
}
.swagger-ui .highlight-code > .microlight code, .swagger-ui .microlight code { white-space: pre-wrap !important; overflow-wrap: anywhere; }
.swagger-ui .token-expiry { margin: 8px 0 0; font-size: 14px; }

/* What was typed into a masked field is not to be read over a shoulder; it shows when pointed at, and copies as it is. */
.swagger-ui .curl-command pre:not(:hover), .swagger-ui .request-url pre:not(:hover) { filter: blur(4px); }

@media (max-width: 640px) {
  .swagger-ui .wrapper { padding: 0 10px; }
  .swagger-ui .opblock .opblock-summary { flex-wrap: wrap; }
  .swagger-ui .opblock .opblock-summary-control { flex-wrap: wrap; min-width: 0; }
  .swagger-ui .opblock-tag { font-size: 18px; }
  .swagger-ui .opblock-tag > a { flex: 0 1 auto; min-width: 0; overflow-wrap: anywhere; }
  .swagger-ui .opblock-tag small { flex: 1 1 auto; min-width: 0; padding: 0 8px; }
  .swagger-ui .opblock .view-line-link, .swagger-ui .opblock .opblock-summary > .authorization__btn { margin: 0; }
  .swagger-ui .opblock .opblock-summary-path { max-width: none; }
  .swagger-ui .opblock-section-header { flex-wrap: wrap; gap: 8px; }
  .swagger-ui table.parameters > tbody > tr, .swagger-ui .parameters-container .parameters > tbody > tr { display: block; }
  .swagger-ui table.parameters td, .swagger-ui .parameters-container td { display: block; width: auto; max-width: none; }
  .swagger-ui .parameters-container thead { display: none; }
  .swagger-ui .parameters input, .swagger-ui table select { max-width: 100%; min-width: 0; width: 100%; }
}
`;
