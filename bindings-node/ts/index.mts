/** The exports for `import`. They are those of `require`, so that there is one set of classes however the package is loaded. */

import BuilderAIKits from './index.js';

export default BuilderAIKits;
export { kitInfo } from './catalog.js';
// Not `export *`, which would also export the markers of a CommonJS module, `__esModule` and `module.exports`.
export {
  APIConnectionError,
  APIError,
  APIResponseValidationError,
  APIStatusError,
  APITimeoutError,
  APIUserAbortError,
  AuthenticationError,
  BadRequestError,
  BuilderAIKitsError,
  ClientClosedError,
  ConfigurationError,
  ConflictError,
  InternalError,
  InternalServerError,
  InvalidRequestError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  UnprocessableEntityError,
} from './errors.js';
export type { ErrorFields } from './errors.js';
export type { Kits } from './kits.js';
export type * from './types.js';
