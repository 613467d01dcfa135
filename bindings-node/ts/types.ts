/** A kit, by its id. Those that this version does not know are sent as they are. */
export type Kit = 'text-gen' | 'code-assist' | 'summarizer' | 'classifier' | (string & {});

/** What a kit is to work on. Keys that the SDK does not know are sent as they are. */
export interface Input {
  /** What the kit is asked. */
  prompt: string;
  /** What the prompt is about, such as the text to summarize. Default: none. */
  context?: string | null | undefined;
  [key: string]: unknown;
}

/** Settings of a run. Keys that the SDK does not know are sent as they are. */
export interface RunConfig {
  /** The most tokens of output, from 1 up to the kit's limit. Default: the service's. */
  max_tokens?: number | null | undefined;
  /** How freely the kit chooses its words; the service sets the range. Default: the service's. */
  temperature?: number | null | undefined;
  [key: string]: unknown;
}

/** What to run: at most 32 MiB on the wire. Keys that the SDK does not know are sent as they are. */
export interface RunRequest {
  kit: Kit;
  /** `'text'` is short for `{ prompt: 'text' }`. */
  input: Input | string;
  config?: RunConfig | null | undefined;
  [key: string]: unknown;
}

/** Headers by name: an object, a `Headers`, a `Map`, or pairs. */
export type HeadersLike = Readonly<Record<string, string | undefined>> | Iterable<readonly [string, string]>;

/** Options of one call, over those of its client. */
export interface RunOptions {
  /** The most milliseconds for the whole call: queue, attempts and waits. `null`: no limit. Default: the client's. */
  timeout?: number | null | undefined;
  /** Attempts after the first. Default: the client's. */
  maxRetries?: number | undefined;
  /** Also repeat a call that was sent and got no answer, which may be billed twice. Default: the client's. */
  retryAmbiguous?: boolean | undefined;
  /** The same for all attempts; 1 to 255 visible ASCII characters. Default: a fresh UUID. */
  idempotencyKey?: string | undefined;
  /** Headers for this call, instead of the client's of the same name. */
  headers?: HeadersLike | undefined;
  /** Gives the call up: its request is aborted, and the promise rejects with an `APIUserAbortError`. */
  signal?: AbortSignal | null | undefined;
}

/** Where log records go: `console`, pino, winston… They hold neither the key nor a prompt. */
export interface Logger {
  info(message: string): void;
  debug(message: string): void;
}

/** How much is logged: nothing, waits before a repeat, or attempts too. */
export type LogLevel = 'off' | 'info' | 'debug';

/** Options that a copy of a client can have of its own: see `withOptions`. */
export interface CopyOptions {
  /** Required; else `BUILDERAIKITS_API_KEY`. For the service's own host it must begin with `bak_`. */
  apiKey?: string | undefined;
  /** The most milliseconds for a call with all attempts and waits. `null`: no limit. Default: 120,000. */
  timeout?: number | null | undefined;
  /** The most milliseconds for one attempt, its body included. Default: no limit but `timeout`. */
  attemptTimeout?: number | null | undefined;
  /** Attempts after the first. Default: 2. */
  maxRetries?: number | undefined;
  /** Also repeat a call that was sent and got no answer, which may be billed twice. Default: false. */
  retryAmbiguous?: boolean | undefined;
  /** Headers for every request; else `BUILDERAIKITS_CUSTOM_HEADERS`, one `Name: value` a line. */
  headers?: HeadersLike | undefined;
  /** Your program, as `name/version`, for the `User-Agent`. Default: none. */
  appName?: string | null | undefined;
}

/** Options of a client. What is left out is taken from the environment where a variable is named, or has its default. */
export interface ClientOptions extends CopyOptions {
  /** Where the service is; else `BUILDERAIKITS_BASE_URL`, else the official one. Plain http to this machine only. */
  baseURL?: string | undefined;
  /** The most milliseconds for DNS, TCP and TLS together. `null`: no limit. Default: 5,000. */
  connectTimeout?: number | null | undefined;
  /** The most attempts on the wire at once; the rest queue. Default: 1,000, or ¾ of the limit of open files. */
  maxConcurrency?: number | null | undefined;
  /** The largest answer taken, in bytes. Default: 16 MiB. */
  maxResponseBytes?: number | undefined;
  /** The URL of a proxy, or `off`. Default: what `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say. */
  proxy?: string | null | undefined;
  /** A PEM file of certificates to trust beside the system's and the bundled ones. Default: none. */
  caFile?: string | null | undefined;
  /** Let `baseURL` be plain http on any host, which all on the way can read. Default: false. */
  allowHTTP?: boolean | undefined;
  /** Where log records go until the client is closed. Default: standard error. All clients of a process log alike. */
  logger?: Logger | undefined;
  /** Default: what `BUILDERAIKITS_LOG` says; else `info` with a `logger`, and `off` without. */
  logLevel?: LogLevel | undefined;
}

/** A finished run, as the service sent it. Only `output.text` is certain; what this version does not know is there too. */
export interface Run {
  /** The run's own name, such as `run_8f3k2m`. */
  id?: string;
  kit?: Kit;
  /** How it ended, such as `completed`. An open set. */
  status?: string;
  output: Output;
  /** What it is billed by. */
  usage: Usage;
  /** How long the service worked on it, in milliseconds. */
  latency_ms?: number;
  /** How the answer came to be. Not of the wire, and not enumerable: JSON and copies do without it. */
  readonly responseMetadata: ResponseMetadata;
  [field: string]: unknown;
}

/** What a kit answered. */
export interface Output {
  text: string;
  [field: string]: unknown;
}

/** The tokens that a run is billed by. What the service does not say is not there. */
export interface Usage {
  input_tokens?: number;
  output_tokens?: number;
  total_tokens?: number;
  [field: string]: unknown;
}

/** How an answer came to be. */
export interface ResponseMetadata {
  /** Attempts that it took, the one that gave the answer included. */
  attempts: number;
  /** The service's name for the request, to give to support. */
  requestID: string | null;
  /** The `Idempotency-Key` of all attempts. */
  idempotencyKey: string;
  /** From the start of the call to its end, in milliseconds: queue, attempts and waits. */
  elapsed: number;
  /** The answer's headers; names in lower case. */
  headers: Record<string, string>;
}
