// Conformance driver of the Node SDK: reads one case per line on standard input, writes one result per line on standard output.
import { createInterface } from 'node:readline';
import BuilderAIKits, { BuilderAIKitsError } from '../../../../bindings-node/dist/index.mjs';

const LOCAL_NAMES = { base_url: 'baseURL', allow_http: 'allowHTTP' };
const sharedClients = new Map();

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  runCase(JSON.parse(line));
}

async function runCase(testCase) {
  console.log(JSON.stringify({ id: testCase.id, ...(await result(testCase)) }));
}

async function result({ client_id: id, client: options, call: { options: callOptions = {}, ...request } }) {
  const { cancel_after_ms: cancelAfter, ...others } = callOptions;
  // JSON has no such numbers, so the runner writes them as strings.
  if (['NaN', 'Infinity', '-Infinity'].includes(request.config?.temperature)) {
    request.config.temperature = Number(request.config.temperature);
  }
  try {
    const client = sharedClients.get(id) ?? new BuilderAIKits(localOptions(options));
    if (id !== undefined) sharedClients.set(id, client);
    const requestOptions = localOptions(others);
    if (cancelAfter !== undefined) {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), cancelAfter);
      requestOptions.signal = controller.signal;
    }
    const run = await client.kits.run(request, requestOptions);
    const { attempts, requestID, idempotencyKey, elapsedMs, headers } = run.responseMetadata;
    const metadata = { attempts, request_id: requestID, idempotency_key: idempotencyKey, elapsed_ms: Math.floor(elapsedMs) };
    return { ok: run, response_metadata: { ...metadata, headers, cost_nano_usd: run.cost?.nanoUsd ?? null } };
  } catch (error) {
    if (!(error instanceof BuilderAIKitsError)) throw error;
    return { error: errorFields(error) };
  }
}

/** Options under the names of this SDK. */
function localOptions(options) {
  const localName = (name) => LOCAL_NAMES[name] ?? name.replace(/_ms$/, '').replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [localName(name), value]));
}

function errorFields(error) {
  return {
    kind: error.kind,
    class: error.constructor.name,
    status: error.status ?? null,
    code: error.code ?? null,
    message: error.message,
    body: error.body === undefined ? null : new TextDecoder('utf-8', { ignoreBOM: true }).decode(error.body),
    headers: error.headers ?? null,
    request_id: error.requestID ?? null,
    attempts: error.attempts,
    retry_after_ms: error.retryAfterMs === undefined ? null : Math.round(error.retryAfterMs),
    may_have_run: error.mayHaveRun,
    is_retryable: error.isRetryable,
    retry_stopped_by: error.retryStoppedBy ?? null,
    idempotency_key: error.idempotencyKey ?? null,
  };
}
