/** A kit, by its id. Ids that this version does not know are sent as they are. */
export type Kit = 'text-gen' | 'code-assist' | 'summarizer' | 'classifier' | (string & {});

/** The input of a run. Keys that the SDK does not know are sent as they are. */
export interface RunInput {
  /** The prompt. */
  prompt: string;
  /** The text that the prompt refers to, such as the text to summarize. Default: none. */
  context?: string | null | undefined;
  [key: string]: unknown;
}

/** Settings of a run. Keys that the SDK does not know are sent as they are. */
export interface RunConfig {
  /** Maximum number of output tokens, from 1 to the kit's limit. Default: the service's. */
  max_tokens?: number | null | undefined;
  /** Sampling temperature. The service validates the range. Default: the service's. */
  temperature?: number | null | undefined;
  [key: string]: unknown;
}

/** A request to run a prompt on a kit: at most 32 MiB when serialized. Keys that the SDK does not know are sent as they are. */
export interface RunRequest {
  kit: Kit;
  /** `'text'` is short for `{ prompt: 'text' }`. */
  input: RunInput | string;
  config?: RunConfig | null | undefined;
  [key: string]: unknown;
}

/** Headers by name: an object, a `Headers`, a `Map`, or pairs. */
export type HeadersInit = Readonly<Record<string, string | undefined>> | Iterable<readonly [string, string]>;

/**
 * How a client keeps to the rate limits of its plan. With `auto` it learns them from the first 429; `maker` and `builder` are
 * the limits of a plan; `off` is no pacing. Your own limits are text such as `30,15000/60s`, or an object of `requests` and
 * `tokens`, of which one can be missing, `per` a length of time in milliseconds. Default of `per`: 60,000.
 */
export type RateLimit =
  | 'auto'
  | 'off'
  | 'maker'
  | 'builder'
  | (string & {})
  | { requests?: number | undefined; tokens?: number | undefined; per?: number | undefined };

/** Options of one call, which override those of its client. */
export interface RequestOptions {
  /** Total time limit in milliseconds, including queueing, all attempts and waits. `null`: no limit. Default: the client's. */
  timeout?: number | null | undefined;
  /** Maximum number of retries. Default: the client's. */
  maxRetries?: number | undefined;
  /** Also retry a call that was sent but got no response, which may be billed twice. Default: the client's. */
  retryAmbiguous?: boolean | undefined;
  /** Sent with every attempt; 1 to 255 visible ASCII characters. Default: a new UUID. */
  idempotencyKey?: string | undefined;
  /** Headers for this call, which override the client's headers of the same name. */
  headers?: HeadersInit | undefined;
  /** Aborts the request; the promise rejects with `APIUserAbortError`. */
  signal?: AbortSignal | null | undefined;
}

/** A destination for log records: `console`, pino, winston… Records contain neither the key nor a prompt. */
export interface Logger {
  info(message: string): void;
  debug(message: string): void;
}

/** How much is logged: nothing, waits before a retry and limits learned from a 429, or attempts too. */
export type LogLevel = 'off' | 'info' | 'debug';

/** Options that a copy of a client can override: see `withOptions`. */
export interface ClientOverrides {
  /** Required; falls back to `BUILDERAIKITS_API_KEY`. For the service's own host it must start with `bak_`. */
  apiKey?: string | undefined;
  /** Total time limit of a call in milliseconds, including queueing, all attempts and waits. `null`: no limit. Default: 120,000. */
  timeout?: number | null | undefined;
  /** Time limit of one attempt in milliseconds, including the response body. Default: only `timeout`. */
  attemptTimeout?: number | null | undefined;
  /** Maximum number of retries. Default: 2. */
  maxRetries?: number | undefined;
  /** Also retry a call that was sent but got no response, which may be billed twice. Default: false. */
  retryAmbiguous?: boolean | undefined;
  /** Headers for every request; falls back to `BUILDERAIKITS_CUSTOM_HEADERS`, one `Name: value` per line. */
  headers?: HeadersInit | undefined;
  /** Your program as `name/version`, for the `User-Agent`. Default: none. */
  appName?: string | undefined;
}

/** Options of a client. An option that you omit is read from the environment if a variable is named here, or has its default. */
export interface ClientOptions extends ClientOverrides {
  /** Base URL of the service; falls back to `BUILDERAIKITS_BASE_URL`, then to the official one. Plain http for localhost only. */
  baseURL?: string | undefined;
  /** Time limit for DNS, TCP and TLS together, in milliseconds. `null`: no limit. Default: 5,000. */
  connectTimeout?: number | null | undefined;
  /** How to keep to the rate limits of your plan; falls back to `BUILDERAIKITS_RATE_LIMIT`. Default: `auto`. */
  rateLimit?: RateLimit | undefined;
  /** Whether retries are limited by a budget, so that they do not multiply the load on a service that fails. Default: true. */
  retryBudget?: boolean | undefined;
  /** US dollars per 1,000 tokens by kit, as numbers or decimal text. They override or add to those of `kitInfo`. Default: none. */
  prices?: Readonly<Record<string, number | string>> | undefined;
  /** Maximum number of concurrent attempts; further calls queue. Default: 1,000, or ¾ of the open-file limit if that is less. */
  maxConcurrency?: number | null | undefined;
  /** Maximum size of a response body in bytes. Default: 16 MiB. */
  maxResponseBytes?: number | undefined;
  /** URL of an http, https or socks5 proxy, or `off`. Default: what `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say. */
  proxy?: string | null | undefined;
  /** A PEM file of certificates to trust in addition to the system's and the bundled ones. Default: none. */
  caFile?: string | null | undefined;
  /** Allow plain http to any host; anyone on the network path can read the key and prompts. Default: false. */
  allowHTTP?: boolean | undefined;
  /** Destination of log records until the client is closed. Default: standard error. Logging is process-wide. */
  logger?: Logger | undefined;
  /** Default: the value of `BUILDERAIKITS_LOG`, else `info` with a `logger` and `off` without one. */
  logLevel?: LogLevel | undefined;
}

/** A finished run as the service sent it, including fields that this version does not know. Only `output.text` is guaranteed. */
export interface Run {
  /** The run id, such as `run_8f3k2m`. */
  id?: string;
  kit?: Kit;
  /** How the run ended, such as `completed`. New values may be added. */
  status?: string;
  output: Output;
  /** Token usage, which determines the price. */
  usage: Usage;
  /** How long the service worked on the run, in milliseconds. */
  latency_ms?: number;
  /** The price of the kit times the total tokens; undefined where either is not known. Not part of the API response, and not
   * enumerable. A response field of this name is in its JSON only. */
  readonly cost?: Cost | undefined;
  /** Not part of the API response, and not enumerable: JSON and copies do not include it. */
  readonly responseMetadata: ResponseMetadata;
  [field: string]: unknown;
}

/** The output of a run. */
export interface Output {
  text: string;
  [field: string]: unknown;
}

/** The tokens that a run is billed by. Counts that the service does not send are missing. */
export interface Usage {
  input_tokens?: number;
  output_tokens?: number;
  total_tokens?: number;
  [field: string]: unknown;
}

/** How the SDK obtained a response. */
export interface ResponseMetadata {
  /** Number of attempts, including the successful one. */
  attempts: number;
  /** The request id that the service assigned. Include it in support requests. */
  requestID: string | null;
  /** The `Idempotency-Key` of all attempts. */
  idempotencyKey: string;
  /** Duration of the call in milliseconds, including queueing, attempts and waits. */
  elapsedMs: number;
  /** The response headers; names are in lower case. */
  headers: Record<string, string>;
}

/** An amount of US dollars, exact. */
export interface Cost {
  /** The dollars as a decimal number, such as `0.0001328`. */
  usd: string;
  /** The same as a whole number of billionths of a dollar. Not exact above 2⁵³. */
  nanoUsd: number;
}

/** What is known of a kit: see `kitInfo`. */
export interface KitInfo {
  id: Kit;
  /** What the kit is for. */
  purpose: string;
  /** The maximum of `max_tokens`. */
  maxTokens: number;
  /** The price of 1,000 tokens. It applies to the total of input and output tokens. */
  pricePer1kTokens: Cost;
}

/** What a request may use and cost: see `client.kits.estimate`. */
export interface Estimate {
  /** The estimated number of input tokens. */
  inputTokens: number;
  /** The maximum number of output tokens: `max_tokens` of the request, else the kit's. Null if neither is known. */
  maxOutputTokens: number | null;
  /** The cost of both at the kit's price. Null if the output or the price is not known. */
  maxCost: Cost | null;
}

/** What a client and its copies have done since the client was created: see `client.usage`. */
export interface ClientUsage {
  /** Calls that were started, without those rejected as invalid. */
  calls: number;
  /** Attempts of these calls. */
  attempts: number;
  /** Calls that returned a run. */
  runs: number;
  /** Calls that failed. Aborted calls are in neither number. */
  failures: number;
  /** Attempts that the service rejected with 429. */
  rateLimited: number;
  /** Input tokens of the runs. */
  inputTokens: number;
  /** Output tokens of the runs. */
  outputTokens: number;
  /** Input and output tokens of the runs. */
  totalTokens: number;
  /** Runs without a total of tokens in their response. They are not in `totalTokens`. */
  runsWithUnknownUsage: number;
  /** The cost of the runs with a total of tokens and a known price. */
  cost: Cost;
  /** How the client keeps to the rate limit now. */
  pacing: PacingStatus;
}

/** How a client keeps to the rate limit now. */
export interface PacingStatus {
  /** Where the limit in force comes from. Null without a limit. */
  limitOrigin: 'configured' | 'learned' | (string & {}) | null;
  /** The number of requests that the limit in force allows. */
  limitRequests: number | null;
  /** The number of tokens that the limit in force allows. */
  limitTokens: number | null;
  /** The length of time that both apply to, in milliseconds. */
  limitPerMs: number | null;
  /** Requests that count towards the limit now; without a limit, those of the last two minutes. */
  requestsInWindow: number;
  /** Tokens that count towards the limit now, with those reserved for attempts in flight. 0 without a limit of tokens. */
  tokensInWindow: number;
  /** Attempts on the wire. */
  inFlight: number;
  /** Calls that wait for their turn. */
  waiting: number;
  /** How long a `Retry-After` still holds back all calls, in milliseconds. */
  closedForMs: number | null;
}
