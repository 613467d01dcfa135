// Conformance driver of the Node SDK: a case a line on standard input, what came of it a line on standard output.
import { createInterface } from 'node:readline';
import BuilderAIKits, { BuilderAIKitsError } from '../../../../bindings-node/dist/index.mjs';

const NAMES = { api_key: 'apiKey', base_url: 'baseURL', allow_http: 'allowHTTP' };
const shared = new Map();

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  answer(JSON.parse(line));
}

async function answer(wire) {
  console.log(JSON.stringify({ id: wire.id, ...(await ended(wire)) }));
}

async function ended({ client_id: id, client: options, call: { options: own = {}, ...request } }) {
  const { cancel_after_ms: cancelAfter, ...given } = own;
  // JSON has no such numbers; the runner writes them as strings.
  if (['NaN', 'Infinity', '-Infinity'].includes(request.config?.temperature)) {
    request.config.temperature = Number(request.config.temperature);
  }
  try {
    const client = shared.get(id) ?? new BuilderAIKits(named(options));
    if (id !== undefined) shared.set(id, client);
    const call = named(given);
    if (cancelAfter !== undefined) {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), cancelAfter);
      call.signal = controller.signal;
    }
    const run = await client.kits.run(request, call);
    const { attempts, requestID, idempotencyKey, elapsed, headers } = run.responseMetadata;
    const metadata = { attempts, request_id: requestID, idempotency_key: idempotencyKey, elapsed_ms: Math.floor(elapsed) };
    return { ok: run, response_metadata: { ...metadata, headers } };
  } catch (error) {
    if (!(error instanceof BuilderAIKitsError)) throw error;
    return { error: fields(error) };
  }
}

function named(options) {
  const name = (core) => NAMES[core] ?? core.replace(/_ms$/, '').replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(options).map(([core, value]) => [name(core), value]));
}

function fields(error) {
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
    retry_after_ms: error.retryAfter === undefined ? null : Math.round(error.retryAfter),
    may_have_run: error.mayHaveRun,
    is_retryable: error.isRetryable,
    idempotency_key: error.idempotencyKey ?? null,
  };
}
