// The process: when and how it ends, worker threads, and a panic in the SDK. Each program is a process of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { program, sandbox, server } from './service.mjs';

const CLIENT = `
  import BuilderAIKits, * as sdk from '@builderaikits/sdk';
  const client = new BuilderAIKits();
  const run = (kit = 'text-gen', options) => client.kits.run({ kit, input: 'Hello' }, options);
`;

/** Name, program, exit code, and what it prints. */
const EXITS = [
  ['without a call', 'console.log("end")', 0, 'end\n'],
  ['after completed calls', 'await run(); console.log("end")', 0, 'end\n'],
  ['waits for pending calls', 'run().then(() => console.log("done")); console.log("end")', 0, 'end\ndone\n'],
  ['waits for 300 concurrent calls', 'let n = 0; for (let i = 0; i < 300; i++) run().then(() => ++n === 300 && console.log(n))', 0, '300\n'],
  ['process.exit during calls', 'for (let i = 0; i < 50; i++) run(); process.exit(7)', 7, ''],
  ['process.exit after some calls completed', 'for (let i = 0; i < 50; i++) run(); await run(); process.exit(7)', 7, ''],
  ['unhandled rejection', 'run("no-such-kit")', 1, ''],
  ['uncaught exception during calls', 'run(); throw new Error("from the user")', 1, ''],
  ['call started in an exit handler', 'process.on("exit", () => { run(); }); await run(); console.log("end")', 0, 'end\n'],
];

test('process exits when no call is pending', async (context) => {
  const { env } = await sandbox('--latency-ms', '20');
  for (const [name, source, code, stdout] of EXITS) {
    await context.test(name, async () => {
      const result = await program(CLIENT + source, { env });
      assert.deepEqual([result.code, result.signal, result.stdout], [code, null, stdout], result.stderr);
      assert.ok(code === 1 || result.stderr === '', result.stderr);
    });
  }
});

test('aborted calls do not keep the process alive', async () => {
  const { env } = await server(() => undefined);
  const source = `const controller = new AbortController();
    const calls = [run('text-gen', { signal: controller.signal }), run('text-gen', { signal: controller.signal })];
    setTimeout(() => controller.abort(), 50);
    console.log((await Promise.allSettled(calls)).map(({ reason }) => reason.name).join());`;
  const result = await program(CLIENT + source, { env });
  assert.deepEqual(result, { code: 0, signal: null, stdout: 'APIUserAbortError,APIUserAbortError\n', stderr: '' });
});

test('SIGINT and SIGTERM end the process during calls', async () => {
  const { env } = await server(() => undefined);
  for (const kill of ['SIGINT', 'SIGTERM']) {
    const result = await program(`${CLIENT} for (let i = 0; i < 50; i++) run(); console.log('now');`, { env, kill });
    assert.deepEqual([result.code, result.signal, result.stderr], [null, kill, '']);
  }
});

test('200 workers are terminated during calls', async () => {
  const { env } = await sandbox('--latency-ms', '2');
  const worker = `
    import BuilderAIKits from '@builderaikits/sdk';
    import { parentPort } from 'node:worker_threads';
    const client = new BuilderAIKits();
    const run = () => client.kits.run({ kit: 'text-gen', input: 'Hello' });
    // Many calls complete while the worker is terminated.
    const forever = async () => { for (;;) await run(); };
    for (let i = 0; i < 8; i++) forever();
    await run();
    parentPort.postMessage('completed');`;
  const source = `
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    let completed = 0;
    async function one() {
      const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
      await once(worker, 'message');
      completed += 1;
      await worker.terminate();
    }
    for (let round = 0; round < 50; round++) await Promise.all([one(), one(), one(), one()]);
    console.log(completed, (await run()).status);`;
  const result = await program(CLIENT + source, { env });
  assert.deepEqual(result, { code: 0, signal: null, stdout: '200 completed\n', stderr: '' });
});

test('workers that alone use the addon exit by themselves', async () => {
  const { env } = await sandbox();
  const source = `
    import { Worker } from 'node:worker_threads';
    const code = \`import BuilderAIKits from '@builderaikits/sdk';
      new BuilderAIKits().kits.run({ kit: 'text-gen', input: 'Hello' }).then((run) => console.log(run.status));\`;
    let left = 20;
    const next = () => left-- > 0 && new Worker(code, { eval: true }).on('exit', (code) => { process.exitCode ||= code; next(); });
    next();`;
  const result = await program(source, { env });
  assert.deepEqual(result, { code: 0, signal: null, stdout: 'completed\n'.repeat(20), stderr: '' });
});

test('panic fails its own call, and the next one works', async () => {
  const { env } = await sandbox();
  const source = `for (const idempotencyKey of ['panic-please', undefined, 'panic-please', undefined])
    await run('text-gen', { idempotencyKey }).then((run) => console.log(run.status), (error) => console.log(error.name, error.kind, error.mayHaveRun));`;
  const result = await program(CLIENT + source, { env });
  const lines = 'InternalError internal true\ncompleted\n'.repeat(2);
  assert.deepEqual([result.code, result.stdout], [0, lines], result.stderr);
  assert.ok(!result.stderr.includes('Hello'), result.stderr);
});

// The addon of the tests is built with `inject-panic`, which makes responses with this id, and errors with this code, unconvertible.
test('response that cannot be converted fails only its own call', async () => {
  const responses = ['hi', 'unconvertible-please', 'ho'].map((id) => ({ body: { id, output: { text: 'text' } } }));
  const { env } = await server((count) => responses[count - 1] ?? { status: 400, headers: { 'x-request-id': 'r' }, body: { error: { message: 'm', code: 'unconvertible-please' } } });
  // All four complete while the event loop is blocked, so that they are drained together.
  const source = `const calls = [run(), run(), run(), run()].map((call) => call.then(({ id }) => id, (error) => error));
    const blockedUntil = Date.now() + 300;
    while (Date.now() < blockedUntil);
    for (const end of await Promise.all(calls)) {
      console.log(end.name === undefined ? end : [end.name, end.attempts, end.mayHaveRun, end.requestID, end.idempotencyKey?.length, end.elapsedMs > 0].join());
    }`;
  const result = await program(CLIENT + source, { env });
  const lines = result.stdout.trim().split('\n').sort();
  assert.deepEqual(lines, ['BadRequestError,1,false,r,36,true', 'InternalError,1,true,,36,true', 'hi', 'ho'], result.stderr);
});
