// The process: when it ends, how it ends, worker threads, a panic of ours. Each in a process of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { program, sandbox, server } from './service.mjs';

const CLIENT = `
  import BuilderAIKits, * as sdk from '@builderaikits/sdk';
  const client = new BuilderAIKits();
  const run = (kit = 'text-gen', options) => client.kits.run({ kit, input: 'Hello' }, options);
`;

/** Name, program, exit code, what it prints. A server that stays silent unless the program ends in time. */
const ENDS = [
  ['nothing was called', 'console.log("end")', 0, 'end\n'],
  ['calls are done', 'await run(); console.log("end")', 0, 'end\n'],
  ['pending calls are waited for', 'run().then(() => console.log("answered")); console.log("end")', 0, 'end\nanswered\n'],
  ['and so are 300 at once', 'let n = 0; for (let i = 0; i < 300; i++) run().then(() => ++n === 300 && console.log(n))', 0, '300\n'],
  ['process.exit during calls', 'for (let i = 0; i < 50; i++) run(); process.exit(7)', 7, ''],
  ['process.exit when some have ended', 'for (let i = 0; i < 50; i++) run(); await run(); process.exit(7)', 7, ''],
  ['a failure nobody awaits', 'run("no-such-kit")', 1, ''],
  ['an exception during calls', 'run(); throw new Error("of the user")', 1, ''],
  ['a call begun in an exit handler', 'process.on("exit", () => { run(); }); await run(); console.log("end")', 0, 'end\n'],
];

test('a process ends when nothing is pending', async (context) => {
  const { env } = await sandbox('--latency-ms', '20');
  for (const [name, source, code, stdout] of ENDS) {
    await context.test(name, async () => {
      const ended = await program(CLIENT + source, { env });
      assert.deepEqual([ended.code, ended.signal, ended.stdout], [code, null, stdout], ended.stderr);
      assert.ok(code === 1 || ended.stderr === '', ended.stderr);
    });
  }
});

test('calls that were given up keep no process alive', async () => {
  const { env } = await server(() => undefined);
  const source = `const controller = new AbortController();
    const calls = [run('text-gen', { signal: controller.signal }), run('text-gen', { signal: controller.signal })];
    setTimeout(() => controller.abort(), 50);
    console.log((await Promise.allSettled(calls)).map(({ reason }) => reason.name).join());`;
  const ended = await program(CLIENT + source, { env });
  assert.deepEqual(ended, { code: 0, signal: null, stdout: 'APIUserAbortError,APIUserAbortError\n', stderr: '' });
});

test('signals end it during calls', async () => {
  const { env } = await server(() => undefined);
  for (const kill of ['SIGINT', 'SIGTERM']) {
    const ended = await program(`${CLIENT} for (let i = 0; i < 50; i++) run(); console.log('now');`, { env, kill });
    assert.deepEqual([ended.code, ended.signal, ended.stderr], [null, kill, '']);
  }
});

test('workers: start, call, terminate, 200 times', async () => {
  const { env } = await sandbox('--latency-ms', '2');
  const worker = `
    import BuilderAIKits from '@builderaikits/sdk';
    import { parentPort } from 'node:worker_threads';
    const client = new BuilderAIKits();
    const run = () => client.kits.run({ kit: 'text-gen', input: 'Hello' });
    // Many end while it is terminated.
    const forever = async () => { for (;;) await run(); };
    for (let i = 0; i < 8; i++) forever();
    await run();
    parentPort.postMessage('answered');`;
  const source = `
    import { once } from 'node:events';
    import { writeFileSync } from 'node:fs';
    import { Worker } from 'node:worker_threads';
    let answered = 0;
    async function one() {
      const worker = new Worker(${JSON.stringify(worker)}, { eval: true });
      await once(worker, 'message');
      answered += 1;
      await worker.terminate();
    }
    for (let round = 0; round < 50; round++) await Promise.all([one(), one(), one(), one()]);
    console.log(answered, (await run()).status);`;
  const ended = await program(CLIENT + source, { env });
  assert.deepEqual(ended, { code: 0, signal: null, stdout: '200 completed\n', stderr: '' });
});

test('workers that are alone with the addon, and end by themselves', async () => {
  const { env } = await sandbox();
  const source = `
    import { Worker } from 'node:worker_threads';
    const code = \`import BuilderAIKits from '@builderaikits/sdk';
      new BuilderAIKits().kits.run({ kit: 'text-gen', input: 'Hello' }).then((run) => console.log(run.status));\`;
    let left = 20;
    const next = () => left-- > 0 && new Worker(code, { eval: true }).on('exit', (code) => { process.exitCode ||= code; next(); });
    next();`;
  const ended = await program(source, { env });
  assert.deepEqual(ended, { code: 0, signal: null, stdout: 'completed\n'.repeat(20), stderr: '' });
});

test('a panic of ours fails its call, and the next works', async () => {
  const { env } = await sandbox();
  const source = `for (const kit of ['panic-please', 'text-gen', 'panic-please', 'text-gen'])
    await run(kit).then((run) => console.log(run.status), (error) => console.log(error.name, error.kind, error.mayHaveRun));`;
  const ended = await program(CLIENT + source, { env });
  const lines = 'InternalError internal true\ncompleted\n'.repeat(2);
  assert.deepEqual([ended.code, ended.stdout], [0, lines], ended.stderr);
  assert.ok(!ended.stderr.includes('Hello'), ended.stderr);
});

test('what cannot be handed over ends its call, and the others of its batch have their answers', async () => {
  const answers = ['hi', 'unconvertible-please', 'ho'].map((id) => ({ body: { id, output: { text: 'text' } } }));
  const { env } = await server((count) => answers[count - 1] ?? { status: 400, headers: { 'x-request-id': 'r' }, body: { error: { message: 'm', code: 'unconvertible-please' } } });
  // All four end while nobody can drain them.
  const source = `const calls = [run(), run(), run(), run()].map((call) => call.then(({ id }) => id, (error) => error));
    const until = Date.now() + 300;
    while (Date.now() < until);
    for (const end of await Promise.all(calls)) {
      console.log(end.name === undefined ? end : [end.name, end.attempts, end.mayHaveRun, end.requestID, end.idempotencyKey?.length, end.elapsed > 0].join());
    }`;
  const ended = await program(CLIENT + source, { env });
  const lines = ended.stdout.trim().split('\n').sort();
  assert.deepEqual(lines, ['BadRequestError,1,false,r,36,true', 'InternalError,1,true,,36,true', 'hi', 'ho'], ended.stderr);
});
