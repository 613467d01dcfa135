// Log records: where they go, how many there are, and for how long. Each program is a process of its own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { program, server } from './service.mjs';

/** Every second response succeeds. */
const alternating = (headers = {}) => server((count) => (count % 2 === 1 ? { status: 500, headers, body: 'no' } : { body: { output: { text: 'hi' } } }));

test('options and environment select level and destination', async () => {
  const { env } = await alternating();
  const setup = `import BuilderAIKits from '@builderaikits/sdk';
    const seen = { info: 0, debug: 0 };
    const logger = { info() { seen.info++; throw new Error('from the logger'); }, debug() { seen.debug++; } };`;
  const call = "await client.kits.run({ kit: 'text-gen', input: 'Hello' }); console.log(JSON.stringify(seen));";
  const table = [
    ['const client = new BuilderAIKits();', {}, /^$/, '{"info":0,"debug":0}'],
    ['const client = new BuilderAIKits();', { BUILDERAIKITS_LOG: 'info' }, /^builderaikits info [^\n]*\n$/, '{"info":0,"debug":0}'],
    ['const client = new BuilderAIKits();', { BUILDERAIKITS_LOG: 'debug' }, /builderaikits debug /, '{"info":0,"debug":0}'],
    ["const client = new BuilderAIKits({ logLevel: 'info' });", {}, /^builderaikits info /, '{"info":0,"debug":0}'],
    ["const client = new BuilderAIKits({ logLevel: 'off' });", { BUILDERAIKITS_LOG: 'debug' }, /^$/, '{"info":0,"debug":0}'],
    ['const client = new BuilderAIKits({ logger });', {}, /^$/, /^\{"info":1,"debug":0\}$/],
    ["const client = new BuilderAIKits({ logger, logLevel: 'debug' });", {}, /^$/, /^\{"info":1,"debug":[1-9]\}$/],
  ];
  for (const [create, more, stderr, stdout] of table) {
    const result = await program(`${setup} ${create} ${call}`, { env: { ...env, ...more } });
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stderr, stderr);
    assert.match(result.stdout.trim(), stdout instanceof RegExp ? stdout : new RegExp(`^${stdout.replace(/[{}]/g, '\\$&')}$`));
    assert.ok(!/Hello|canary/.test(result.stderr));
  }
});

const SETUP = `import BuilderAIKits from '@builderaikits/sdk';
  import { createRequire } from 'node:module';
  const newLogger = () => { const records = []; return { records, info: (text) => records.push(text), debug() {} }; };
  const call = (client) => client.kits.run({ kit: 'text-gen', input: 'Hello' });
  const turn = () => new Promise((resolve) => setTimeout(resolve, 5));
  const collect = async () => { for (let i = 0; i < 5; i++) { await turn(); gc(); } };
  const counts = (...loggers) => console.log(loggers.map(({ records }) => records.length).join());
  const [one, two] = [newLogger(), newLogger()];`;

/** Name, program, and what it prints. Each call waits once before a retry, which is one record of level info. */
const LIFETIMES = [
  [
    'client that could not be created leaves no logger',
    `try { new BuilderAIKits({ logger: one, timeout: 0 }); } catch (error) { console.log(error.name); }
     await call(new BuilderAIKits({ logger: two })); counts(one, two);`,
    'ConfigurationError\n0,1\n',
  ],
  [
    'logger of two clients gets each record once',
    'const clients = [new BuilderAIKits({ logger: one }), new BuilderAIKits({ logger: one, logLevel: "debug" })]; await call(clients[0]); counts(one);',
    '1\n',
  ],
  [
    'closing a client detaches its logger and no other, and closing its copy detaches none',
    `const [first, second] = [new BuilderAIKits({ logger: one }), new BuilderAIKits({ logger: two })];
     await call(first); counts(one, two);
     first.withOptions({ maxRetries: 1 }).close();
     await call(second); counts(one, two);
     first.close();
     await call(second); counts(one, two);`,
    '1,1\n2,2\n2,3\n',
  ],
  [
    'nothing is recorded without a logger',
    `const client = new BuilderAIKits({ logger: one, logLevel: 'debug' });
     await call(client); client.close();
     await call(new BuilderAIKits({ logLevel: 'off' })); counts(one);
     const { native } = createRequire(process.cwd() + '/')('./dist/native.js');
     console.log(new native.Logs().drain().length);`,
    '1\n0\n',
  ],
  [
    'collected client releases its logger, which may hold the client',
    `const loggers = [newLogger(), newLogger()].map((logger) => {
       logger.client = new BuilderAIKits({ logger });
       return new WeakRef(logger);
     });
     await call(loggers[0].deref().client);
     while (loggers.some((logger) => logger.deref() !== undefined)) await collect();
     console.log('collected');`,
    'collected\n',
  ],
  [
    'copies and calls in flight keep the logger',
    `const copy = new BuilderAIKits({ logger: one }).withOptions({ maxRetries: 3 });
     await collect(); await call(copy); counts(one);
     const pending = (() => call(new BuilderAIKits({ logger: two })))();
     await collect(); await pending; counts(two);`,
    '1\n1\n',
  ],
  [
    'all clients share the logger of the environment, whatever it asks for in the meantime',
    `const created = { refs: 0, timers: 0 };
     globalThis.WeakRef = class extends WeakRef { constructor(of) { super(of); created.refs++; } };
     const { setInterval } = globalThis;
     globalThis.setInterval = (...args) => { created.timers++; return setInterval(...args); };
     console.error = (text) => text.startsWith('builderaikits info') && one.info(text);
     const clients = (level) => { process.env.BUILDERAIKITS_LOG = level; return Array.from({ length: 100 }, () => new BuilderAIKits()); };
     const all = clients('info'); console.log(JSON.stringify(created));
     await call(all[0]); counts(one);
     for (const level of ['debug', 'info', 'debug', 'info']) all.push(...clients(level));
     console.log(JSON.stringify(created));
     for (const client of all.slice(1)) client.close();
     await call(all[0]); counts(one);`,
    '{"refs":1,"timers":1}\n1\n{"refs":2,"timers":1}\n2\n',
  ],
];

test('logger lifetime', async (context) => {
  for (const [name, source, stdout] of LIFETIMES) {
    await context.test(name, async () => {
      const { env } = await alternating({ 'retry-after': '0.2' });
      const result = await program(SETUP + source, { env, flags: ['--expose-gc'] });
      assert.deepEqual(result, { code: 0, signal: null, stdout, stderr: '' });
    });
  }
});

test('withOptions rejects logger and logLevel', async () => {
  const { default: BuilderAIKits, ConfigurationError } = await import('@builderaikits/sdk');
  const client = new BuilderAIKits({ apiKey: 'bak_x' });
  for (const [name, options] of Object.entries({ logger: { logger: console }, logLevel: { logLevel: 'info' } })) {
    const message = `\`${name}\` cannot be changed for a copy of a client, because copies share it. Create a new client.`;
    assert.throws(() => client.withOptions(options), (error) => error instanceof ConfigurationError && error.message === message && error.option === name);
  }
});
