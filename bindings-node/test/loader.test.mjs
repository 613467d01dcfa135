// What a user reads if the addon cannot be loaded, and that the original error is the cause.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PACKAGE, program } from './service.mjs';

const folder = mkdtempSync(join(tmpdir(), 'builderaikits-'));
after(() => rmSync(folder, { recursive: true }));

const LOAD = `import { createRequire } from 'node:module';
  try { createRequire(process.cwd() + '/')('@builderaikits/sdk'); console.log('loaded'); }
  catch (error) { console.log(JSON.stringify({ message: error.message, cause: error.cause?.message })); }`;

/** Installs the package alone into a folder, with this source as the addon of every platform. */
function installed(name, addon) {
  const root = join(folder, name);
  const packages = join(root, 'node_modules', '@builderaikits');
  mkdirSync(join(packages, 'sdk'), { recursive: true });
  cpSync(join(PACKAGE, 'dist'), join(packages, 'sdk', 'dist'), { recursive: true });
  cpSync(join(PACKAGE, 'package.json'), join(packages, 'sdk', 'package.json'));
  if (addon !== undefined) {
    const [here] = readdirSync(join(PACKAGE, 'node_modules', '@builderaikits'));
    mkdirSync(join(packages, here));
    writeFileSync(join(packages, here, 'index.js'), addon);
  }
  return root;
}

const dlopen = (message) => `throw Object.assign(new Error(${JSON.stringify(message)}), { code: 'ERR_DLOPEN_FAILED' });`;

const TABLE = [
  ['missing', undefined, /is not installed\. Install again with optional dependencies/, /Cannot find module/],
  ['glibc', dlopen("/lib/libc.so.6: version `GLIBC_2.99' not found"), /needs glibc 2\.99 or later/, /GLIBC_2\.99/],
  ['musl', dlopen('Error relocating x.node: __memcpy_chk: symbol not found'), /another C library/, /relocating/],
  ['gnu', dlopen('Error loading shared library ld-linux-x86-64.so.2'), /another C library/, /ld-linux/],
  ['other', dlopen('file too short'), /cannot be loaded: file too short/, /file too short/],
  ['version', "exports.VERSION = '0.0.0';", /^Version mismatch: .* at 0\.0\.0\./, undefined],
];

test('each load error has its own message', async () => {
  for (const [name, addon, message, cause] of TABLE) {
    const { stdout } = await program(LOAD, { cwd: installed(name, addon) });
    const shown = JSON.parse(stdout);
    assert.match(shown.message, message);
    cause === undefined ? assert.equal(shown.cause, undefined) : assert.match(shown.cause, cause);
  }
});

test('BUILDERAIKITS_NATIVE_PATH selects another addon', async () => {
  const real = join(PACKAGE, 'node_modules', '@builderaikits');
  const [here] = readdirSync(real);
  const [addon] = readdirSync(join(real, here)).filter((file) => file.endsWith('.node'));
  symlinkSync(join(real, here, addon), join(folder, 'own.node'));
  writeFileSync(join(folder, 'broken.node'), 'not an addon');
  const cwd = installed('override');
  const load = async (path) => (await program(LOAD, { cwd, env: { BUILDERAIKITS_NATIVE_PATH: path } })).stdout;
  assert.equal(await load(join(folder, 'own.node')), 'loaded\n');
  assert.match(await load(join(folder, 'broken.node')), /broken\.node\) cannot be loaded/);
  assert.match(await load(join(folder, 'none.node')), /none\.node\) is not installed/);
  symlinkSync(join(real, here, addon), join(cwd, 'relative.node'));
  assert.match(await load('./relative.node'), /must be an absolute path/);
});
