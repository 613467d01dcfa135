// Log records: where they go, how many, and for how long. Each program in a process of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { program, server } from './service.mjs';

test('silent, by the environment, by options, to a logger', async () => {
  const { env } = await server((count) => (count % 2 === 1 ? { status: 500, body: 'no' } : { body: { output: { text: 'hi' } } }));
  const own = `import BuilderAIKits from '@builderaikits/sdk';
    const seen = { info: 0, debug: 0 };
    const logger = { info() { seen.info++; throw new Error('of the logger'); }, debug() { seen.debug++; } };`;
  const once = "await client.kits.run({ kit: 'text-gen', input: 'Hello' }); console.log(JSON.stringify(seen));";
  const table = [
    ['const client = new BuilderAIKits();', {}, /^$/, '{"info":0,"debug":0}'],
    ['const client = new BuilderAIKits();', { BUILDERAIKITS_LOG: 'info' }, /^builderaikits info [^\n]*\n$/, '{"info":0,"debug":0}'],
    ['const client = new BuilderAIKits();', { BUILDERAIKITS_LOG: 'debug' }, /builderaikits debug /, '{"info":0,"debug":0}'],
    ["const client = new BuilderAIKits({ logLevel: 'info' });", {}, /^builderaikits info /, '{"info":0,"debug":0}'],
    ["const client = new BuilderAIKits({ logLevel: 'off' });", { BUILDERAIKITS_LOG: 'debug' }, /^$/, '{"info":0,"debug":0}'],
    ['const client = new BuilderAIKits({ logger });', {}, /^$/, /^\{"info":1,"debug":0\}$/],
    ["const client = new BuilderAIKits({ logger, logLevel: 'debug' });", {}, /^$/, /^\{"info":1,"debug":[1-9]\}$/],
  ];
  for (const [make, more, stderr, stdout] of table) {
    const ended = await program(`${own} ${make} ${once}`, { env: { ...env, ...more } });
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stderr, stderr);
    assert.match(ended.stdout.trim(), stdout instanceof RegExp ? stdout : new RegExp(`^${stdout.replace(/[{}]/g, '\\$&')}$`));
    assert.ok(!/Hello|canary/.test(ended.stderr));
  }
});

/** A failure with a wait before each repeat, which is one record of `info`. */
const failing = () => server((count) => (count % 2 === 1 ? { status: 500, headers: { 'retry-after': '0.2' }, body: 'no' } : { body: { output: { text: 'hi' } } }));
const SEEN = `import BuilderAIKits from '@builderaikits/sdk';
  import { createRequire } from 'node:module';
  const listening = () => { const seen = []; return { seen, info: (text) => seen.push(text), debug() {} }; };
  const call = (client) => client.kits.run({ kit: 'text-gen', input: 'Hello' });
  const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
  const collect = async () => { for (let i = 0; i < 5; i++) { await turn(); gc(); } };
  const counts = (...loggers) => console.log(loggers.map(({ seen }) => seen.length).join());
  const [one, two] = [listening(), listening()];`;

/** Name, program, what it prints. */
const LIVES = [
  [
    'a client that could not be made has no logger',
    `try { new BuilderAIKits({ logger: one, timeout: 0 }); } catch (error) { console.log(error.name); }
     await call(new BuilderAIKits({ logger: two })); counts(one, two);`,
    'ConfigurationError\n0,1\n',
  ],
  [
    'one logger of two clients gets each record once',
    'const clients = [new BuilderAIKits({ logger: one }), new BuilderAIKits({ logger: one, logLevel: "debug" })]; await call(clients[0]); counts(one);',
    '1\n',
  ],
  [
    'a closed client, by its copy too, has none any more, and others go on',
    `const [first, second] = [new BuilderAIKits({ logger: one }), new BuilderAIKits({ logger: two })];
     await call(first); counts(one, two);
     first.withOptions({ maxRetries: 1 }).close();
     await call(second); counts(one, two);`,
    '1,1\n1,2\n',
  ],
  [
    'when nobody listens any more, nothing is recorded',
    `const client = new BuilderAIKits({ logger: one, logLevel: 'debug' });
     await call(client); client.close();
     await call(new BuilderAIKits({ logLevel: 'off' })); counts(one);
     const { native } = createRequire(process.cwd() + '/')('./dist/native.js');
     console.log(new native.Logs().take().length);`,
    '1\n0\n',
  ],
  [
    'a client that is collected takes its logger with it, which may hold the client',
    `const loggers = [listening(), listening()].map((logger) => {
       logger.client = new BuilderAIKits({ logger });
       return new WeakRef(logger);
     });
     await call(loggers[0].deref().client);
     while (loggers.some((logger) => logger.deref() !== undefined)) await collect();
     console.log('collected');`,
    'collected\n',
  ],
  [
    'copies and calls in flight keep it',
    `const copy = new BuilderAIKits({ logger: one }).withOptions({ maxRetries: 3 });
     await collect(); await call(copy); counts(one);
     const pending = (() => call(new BuilderAIKits({ logger: two })))();
     await collect(); await pending; counts(two);`,
    '1\n1\n',
  ],
  [
    'that of the environment is one for all clients, however many are made and closed, and whatever it asks for meanwhile',
    `const made = { kept: 0, timers: 0 };
     globalThis.WeakRef = class extends WeakRef { constructor(of) { super(of); made.kept++; } };
     const { setInterval } = globalThis;
     globalThis.setInterval = (...given) => { made.timers++; return setInterval(...given); };
     console.error = (text) => text.startsWith('builderaikits info') && one.info(text);
     const clients = (level) => { process.env.BUILDERAIKITS_LOG = level; return Array.from({ length: 100 }, () => new BuilderAIKits()); };
     const all = clients('info'); console.log(JSON.stringify(made));
     await call(all[0]); counts(one);
     for (const level of ['debug', 'info', 'debug', 'info']) all.push(...clients(level));
     console.log(JSON.stringify(made));
     for (const client of all.slice(1)) client.close();
     await call(all[0]); counts(one);`,
    '{"kept":1,"timers":1}\n1\n{"kept":2,"timers":1}\n2\n',
  ],
];

test('for as long as their client lives', async (context) => {
  for (const [name, source, stdout] of LIVES) {
    await context.test(name, async () => {
      const { env } = await failing();
      const ended = await program(SEEN + source, { env, flags: ['--expose-gc'] });
      assert.deepEqual(ended, { code: 0, signal: null, stdout, stderr: '' });
    });
  }
});

test('a copy has no logger of its own', async () => {
  const { default: BuilderAIKits, ConfigurationError } = await import('@builderaikits/sdk');
  const client = new BuilderAIKits({ apiKey: 'bak_x' });
  for (const [name, options] of Object.entries({ logger: { logger: console }, logLevel: { logLevel: 'info' } })) {
    assert.throws(() => client.withOptions(options), (error) => error instanceof ConfigurationError && error.message.startsWith(`${name}: is shared`));
  }
});
