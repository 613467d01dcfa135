// Starts many calls at once and prints what became of them as one line of JSON: plan-calls.mjs ROWS TIMEOUT_SECONDS|none.
import BuilderAIKits, { BuilderAIKitsError } from '../../bindings-node/dist/index.mjs';

const [rows, timeout] = process.argv.slice(2);
const client = new BuilderAIKits({ timeout: timeout === 'none' ? null : Number(timeout) * 1000 });
const start = performance.now();
const report = { ok: 0, seconds: 0, last_error: 0, errors: {} };

async function run(row) {
  try {
    await client.kits.run({ kit: 'text-gen', input: `Row ${row}` });
    report.ok += 1;
    report.seconds = (performance.now() - start) / 1000;
  } catch (error) {
    if (!(error instanceof BuilderAIKitsError)) throw error;
    report.last_error = Math.max(report.last_error, error.elapsedMs / 1000);
    const name = `${error.kind} ${error.retryStoppedBy ?? ''}: ${error.message}`;
    report.errors[name] = (report.errors[name] ?? 0) + 1;
  }
}

await Promise.all(Array.from({ length: Number(rows) }, (_, row) => run(row)));
const usage = client.usage();
console.log(JSON.stringify({ ...report, attempts: usage.attempts, rate_limited: usage.rateLimited }));
