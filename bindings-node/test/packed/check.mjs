// Checks the limits of the packed packages and uses them as users will: check.mjs PACKAGES SANDBOX WEBPACK
//
// PACKAGES has the folders sdk and sdk-TRIPLE that the scripts create. They are packed, installed from a registry of this
// test into a clean folder, and run the examples: as ESM, CommonJS and TypeScript, and bundled by esbuild and webpack.
// WEBPACK is a folder whose node_modules has webpack.
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
const root = fileURLToPath(new URL('../..', import.meta.url));
const tools = join(root, 'node_modules', '.bin');
const MAX_PACKED_BYTES = 4_000_000;
const MAX_GLIBC = [2, 28];

const json = (path) => JSON.parse(readFileSync(path, 'utf8'));
const main = { manifest: json(join(packages, 'sdk', 'package.json')), tarball: pack('sdk') };
const folder = readdirSync(packages).find((name) => name.startsWith('sdk-'));
const here = { manifest: json(join(packages, folder, 'package.json')), tarball: pack(folder) };
const otherPlatforms = Object.entries(json(join(root, 'platforms.json')))
  .map(([triple, { os, cpu, libc }]) => ({ name: `@builderaikits/sdk-${triple}`, os: [os], cpu: [cpu], ...(libc && { libc: [libc] }) }))
  .filter(({ name }) => name !== here.manifest.name)
  .map((manifest) => ({ manifest: { ...manifest, version: main.manifest.version } }));

run(join(tools, 'publint'), ['run', main.tarball, '--strict']);
run(join(tools, 'attw'), [main.tarball, '--no-emoji', '--no-color']);
const bytes = statSync(here.tarball).size;
console.log(`${here.manifest.name}: ${bytes} bytes packed`);
assert.ok(bytes <= MAX_PACKED_BYTES);
assert.match(execFileSync('tar', ['tzf', here.tarball], { encoding: 'utf8' }), /THIRD-PARTY-NOTICES/);
const addon = join(packages, folder, here.manifest.main);
checkNoLocalPaths(addon);
if (process.platform === 'linux') {
  const symbols = execFileSync('objdump', ['-T', addon], { encoding: 'utf8' }).match(/GLIBC_[\d.]+/g) ?? [];
  const newest = symbols.map((symbol) => symbol.slice(6).split('.').map(Number)).sort(compareVersions).at(-1);
  console.log(`needs glibc ${newest.join('.')}`);
  assert.ok(compareVersions(newest, MAX_GLIBC) <= 0);
}

const clean = mkdtempSync(join(tmpdir(), 'builderaikits-'));
const server = spawn(program, ['--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
const npmRegistry = await registry([main, here, ...otherPlatforms]);
try {
  await install();
  const [line] = await once(createInterface(server.stdout), 'line');
  process.env.BUILDERAIKITS_BASE_URL = line.split(' ').at(-1);
  process.env.BUILDERAIKITS_API_KEY = 'bak_packed';
  runPrograms();
} finally {
  npmRegistry.close();
  server.kill();
  rmSync(clean, { recursive: true });
}

async function install() {
  writeFileSync(join(clean, 'package.json'), '{"private": true}\n');
  const npm = spawn('npm', ['install', '--no-audit', '--no-fund', '--registry', npmRegistry.url, '@builderaikits/sdk'], { cwd: clean, stdio: 'inherit' });
  assert.deepEqual(await once(npm, 'close'), [0, null]);
  // npm installed the package of this platform and no other.
  assert.deepEqual(readdirSync(join(clean, 'node_modules', '@builderaikits')).sort(), ['sdk', folder]);
}

function runPrograms() {
  for (const name of readdirSync(join(root, '..', 'examples', 'node')).filter((name) => name.endsWith('.mjs'))) {
    cpSync(join(root, '..', 'examples', 'node', name), join(clean, name));
    // Few enough rows for a minute of the plan.
    console.log(`ESM ${name}: ${node(name, ...(name === 'plan.mjs' ? ['5'] : []))}`);
  }
  const source = (load) => `${load}
    const client = new BuilderAIKits();
    client.kits.run({ kit: 'text-gen', input: 'Hello' }).then((run) => {
      if (!(new RateLimitError('m') instanceof BuilderAIKits.APIError)) throw new Error('two sets of classes');
      console.log(run.output.text);
    });`;
  writeFileSync(join(clean, 'common.cjs'), source("const BuilderAIKits = require('@builderaikits/sdk'); const { RateLimitError } = BuilderAIKits;"));
  console.log(`CommonJS: ${node('common.cjs')}`);
  writeFileSync(join(clean, 'typed.mts'), source("import BuilderAIKits, { RateLimitError } from '@builderaikits/sdk';"));
  mkdirSync(join(clean, 'node_modules', '@types'), { recursive: true });
  for (const name of ['@types/node', 'undici-types']) {
    cpSync(join(root, 'node_modules', name), join(clean, 'node_modules', name), { recursive: true });
  }
  run(join(tools, 'tsc'), ['--strict', '--target', 'es2022', '--module', 'nodenext', '--types', 'node', 'typed.mts'], clean);
  console.log(`TypeScript: ${node('typed.mjs')}`);
  for (const external of ['@builderaikits/sdk', '@builderaikits/sdk-*']) {
    for (const [entry, out] of [['typed.mts', 'bundle.cjs'], ['common.cjs', 'bundle.cjs'], ['typed.mts', 'bundle.mjs']]) {
      const format = out.endsWith('.cjs') ? 'cjs' : 'esm';
      // An ESM bundle cannot contain the SDK, which is CommonJS and calls require.
      if (format === 'esm' && external.endsWith('*')) continue;
      run(join(tools, 'esbuild'), [entry, '--bundle', '--platform=node', `--format=${format}`, `--external:${external}`, `--outfile=${out}`, '--log-level=warning'], clean);
      console.log(`esbuild, ${entry} to ${out} without ${external}: ${node(out)}`);
    }
  }
  runWebpack();
}

/** Bundles an ESM and a CommonJS program as the README says. */
function runWebpack() {
  const script = `
    const config = { target: 'node', mode: 'production', externals: { '@builderaikits/sdk': 'commonjs @builderaikits/sdk' } };
    const [entry, path] = process.argv.slice(1);
    require('webpack')({ ...config, context: path, entry, output: { path, filename: 'webpack.cjs' } }, (error, stats) => {
      if (error || stats.hasErrors() || stats.hasWarnings()) throw error ?? new Error(stats.toString());
    });`;
  for (const entry of ['typed.mjs', 'common.cjs']) {
    execFileSync(process.execPath, ['-e', script, `./${entry}`, clean], { cwd: webpack, stdio: 'inherit' });
    console.log(`webpack, ${entry}: ${node('webpack.cjs')}`);
  }
}

function node(file, ...args) {
  const text = execFileSync(process.execPath, [file, ...args], { cwd: clean, encoding: 'utf8' });
  assert.match(text, /\[sandbox\]|calls aborted|5 runs, 0 failed/);
  return text.split('\n')[0];
}

function pack(name) {
  const [{ filename, files }] = JSON.parse(execFileSync('npm', ['pack', '--json', '--pack-destination', packages], { cwd: join(packages, name) }));
  console.log(`${filename}: ${files.map(({ path, size }) => `${path} (${size})`).join(', ')}`);
  return join(packages, filename);
}

function run(command, args, cwd = root) {
  execFileSync(command, args, { cwd, stdio: 'inherit' });
}

function checkNoLocalPaths(path) {
  const contents = readFileSync(path);
  for (const text of [`${homedir()}/`, resolve(root, '..')]) {
    assert.ok(!contents.includes(text), `${path} contains ${text}`);
  }
}

function compareVersions(a, b) {
  return a[0] - b[0] || a[1] - b[1];
}
