import { TOKEN_REPLY_HEADERS } from '../cells-authority/index.js';

export { composeErrorResponse as errorBody } from '../cells-authority/index.js';

/** Headers of every error reply of the service itself. */
export const ERROR_HEADERS = TOKEN_REPLY_HEADERS;
