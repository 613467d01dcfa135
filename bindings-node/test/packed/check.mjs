// Holds the packed packages to their limits, and uses them as users will: check.mjs PACKAGES SANDBOX WEBPACK
//
// PACKAGES has the folders sdk and sdk-TRIPLE, as the scripts make them. They are packed, installed from a registry of
// their own into a clean folder, and run the examples: ESM, CommonJS, TypeScript, and bundled by esbuild and webpack, of which WEBPACK
// has the latter in its node_modules.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { registry } from './registry.mjs';

const [packages, program, webpack] = process.argv.slice(2).map((path) => resolve(path));
const own = fileURLToPath(new URL('../..', import.meta.url));
const tools = join(own, 'node_modules', '.bin');
const MOST_BYTES = 4_000_000;
const NEWEST_GLIBC = [2, 28];

const json = (path) => JSON.parse(readFileSync(path, 'utf8'));
const main = { manifest: json(join(packages, 'sdk', 'package.json')), tarball: pack('sdk') };
const folder = readdirSync(packages).find((name) => name.startsWith('sdk-'));
const here = { manifest: json(join(packages, folder, 'package.json')), tarball: pack(folder) };
const elsewhere = Object.entries(json(join(own, 'platforms.json')))
  .map(([triple, { os, cpu, libc }]) => ({ name: `@builderaikits/sdk-${triple}`, os: [os], cpu: [cpu], ...(libc && { libc: [libc] }) }))
  .filter(({ name }) => name !== here.manifest.name)
  .map((manifest) => ({ manifest: { ...manifest, version: main.manifest.version } }));

run(join(tools, 'publint'), ['run', main.tarball, '--strict']);
run(join(tools, 'attw'), [main.tarball, '--no-emoji', '--no-color']);
const bytes = statSync(here.tarball).size;
console.log(`${here.manifest.name}: ${bytes} bytes packed`);
assert.ok(bytes <= MOST_BYTES);
const addon = join(packages, folder, here.manifest.main);
nothingOfThisMachine(addon);
if (process.platform === 'linux') {
  const symbols = execFileSync('objdump', ['-T', addon], { encoding: 'utf8' }).match(/GLIBC_[\d.]+/g) ?? [];
  const newest = symbols.map((symbol) => symbol.slice(6).split('.').map(Number)).sort(older).at(-1);
  console.log(`needs glibc ${newest.join('.')}`);
  assert.ok(older(newest, NEWEST_GLIBC) <= 0);
}

const clean = mkdtempSync(join(tmpdir(), 'builderaikits-'));
const box = spawn(program, ['--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const served = await registry([main, here, ...elsewhere]);
try {
  await installed();
  const [line] = await once(createInterface(box.stdout), 'line');
  process.env.BUILDERAIKITS_BASE_URL = line.split(' ').at(-1);
  process.env.BUILDERAIKITS_API_KEY = 'bak_packed';
  used();
} finally {
  served.close();
  box.kill();
  rmSync(clean, { recursive: true });
}

async function installed() {
  writeFileSync(join(clean, 'package.json'), '{"private": true}\n');
  const npm = spawn('npm', ['install', '--no-audit', '--no-fund', '--registry', served.url, '@builderaikits/sdk'], { cwd: clean, stdio: 'inherit' });
  assert.deepEqual(await once(npm, 'close'), [0, null]);
  // npm took the package of this platform, and no other.
  assert.deepEqual(readdirSync(join(clean, 'node_modules', '@builderaikits')).sort(), ['sdk', folder]);
}

function used() {
  for (const name of readdirSync(join(own, '..', 'examples', 'node')).filter((name) => name.endsWith('.mjs'))) {
    cpSync(join(own, '..', 'examples', 'node', name), join(clean, name));
    console.log(`ESM ${name}: ${node(name)}`);
  }
  const body = (load) => `${load}
    const client = new BuilderAIKits();
    client.kits.run({ kit: 'text-gen', input: 'Hello' }).then((run) => {
      if (!(new RateLimitError('m') instanceof BuilderAIKits.APIError)) throw new Error('two sets of classes');
      console.log(run.output.text);
    });`;
  writeFileSync(join(clean, 'common.cjs'), body("const BuilderAIKits = require('@builderaikits/sdk'); const { RateLimitError } = BuilderAIKits;"));
  console.log(`CommonJS: ${node('common.cjs')}`);
  writeFileSync(join(clean, 'typed.mts'), body("import BuilderAIKits, { RateLimitError } from '@builderaikits/sdk';"));
  mkdirSync(join(clean, 'node_modules', '@types'), { recursive: true });
  for (const name of ['@types/node', 'undici-types']) {
    cpSync(join(own, 'node_modules', name), join(clean, 'node_modules', name), { recursive: true });
  }
  run(join(tools, 'tsc'), ['--strict', '--target', 'es2022', '--module', 'nodenext', '--types', 'node', 'typed.mts'], clean);
  console.log(`TypeScript: ${node('typed.mjs')}`);
  for (const external of ['@builderaikits/sdk', '@builderaikits/sdk-*']) {
    for (const [entry, out] of [['typed.mts', 'bundle.cjs'], ['common.cjs', 'bundle.cjs'], ['typed.mts', 'bundle.mjs']]) {
      const format = out.endsWith('.cjs') ? 'cjs' : 'esm';
      // A bundle that is ESM cannot hold what is CommonJS, and calls require.
      if (format === 'esm' && external.endsWith('*')) continue;
      run(join(tools, 'esbuild'), [entry, '--bundle', '--platform=node', `--format=${format}`, `--external:${external}`, `--outfile=${out}`, '--log-level=warning'], clean);
      console.log(`esbuild, ${entry} to ${out} without ${external}: ${node(out)}`);
    }
  }
  webpacked();
}

/** The recipe of the README, for a program that is ESM and one that is CommonJS. */
function webpacked() {
  const recipe = `
    const config = { target: 'node', mode: 'production', externals: { '@builderaikits/sdk': 'commonjs @builderaikits/sdk' } };
    const [entry, path] = process.argv.slice(1);
    require('webpack')({ ...config, context: path, entry, output: { path, filename: 'webpack.cjs' } }, (error, stats) => {
      if (error || stats.hasErrors() || stats.hasWarnings()) throw error ?? new Error(stats.toString());
    });`;
  for (const entry of ['typed.mjs', 'common.cjs']) {
    execFileSync(process.execPath, ['-e', recipe, `./${entry}`, clean], { cwd: webpack, stdio: 'inherit' });
    console.log(`webpack, ${entry}: ${node('webpack.cjs')}`);
  }
}

function node(file) {
  const text = execFileSync(process.execPath, [file], { cwd: clean, encoding: 'utf8' });
  assert.match(text, /\[sandbox\]|calls given up/);
  return text.split('\n')[0];
}

function pack(name) {
  const [{ filename, files }] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', packages], { cwd: join(packages, name) }));
  console.log(`${filename}: ${files.map(({ path, size }) => `${path} (${size})`).join(', ')}`);
  return join(packages, filename);
}

function run(command, args, cwd = own) {
  execFileSync(command, args, { cwd, stdio: 'inherit' });
}

function nothingOfThisMachine(path) {
  const held = readFileSync(path);
  for (const text of [`${homedir()}/`, resolve(own, '..')]) {
    assert.ok(!held.includes(text), `${path} holds ${text}`);
  }
}

function older(a, b) {
  return a[0] - b[0] || a[1] - b[1];
}
