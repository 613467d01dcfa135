// Creates the package of a platform: platform-package.mjs TRIPLE BUILT FOLDER. TRIPLE is one of platforms.json, or `here`.
// BUILT is the folder with the addon that cargo built. The package is written to FOLDER/sdk-TRIPLE, and that name is printed.
import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repository } from './repository.mjs';

const [platform, built, target] = process.argv.slice(2);
const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));
const { version, homepage, license, engines } = read('package.json');
const platforms = read('platforms.json');
const triple = platform === 'here' ? currentTriple() : platform;
if (platforms[triple] === undefined) {
  throw new Error(`platforms.json has no ${triple}`);
}
const { os, cpu, libc } = platforms[triple];
const library = ['libbuilderaikits_node.so', 'libbuilderaikits_node.dylib', 'builderaikits_node.dll']
  .map((name) => join(built, name))
  .find((path) => existsSync(path));
if (library === undefined) {
  throw new Error(`there is no addon in ${built}. Run cargo build -p builderaikits-node first.`);
}

const folder = join(target, `sdk-${triple}`);
const main = `builderaikits.${triple}.node`;
mkdirSync(folder, { recursive: true });
// Renamed in one step, so that no process loads an incomplete file.
copyFileSync(library, join(folder, `${main}.new`));
renameSync(join(folder, `${main}.new`), join(folder, main));
const LICENSES = ['LICENSE-APACHE', 'LICENSE-MIT', 'THIRD-PARTY-NOTICES'];
const description = `The native addon of @builderaikits/sdk for ${triple}. Install @builderaikits/sdk, which depends on it.`;
const manifest = {
  name: `@builderaikits/sdk-${triple}`,
  version,
  description,
  homepage,
  repository,
  license,
  engines,
  os: [os],
  cpu: [cpu],
  ...(libc && { libc: [libc] }),
  main,
  files: [main, ...LICENSES],
};
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
writeFileSync(join(folder, 'README.md'), `# ${manifest.name}\n\n${description}\n`);
for (const file of LICENSES) {
  copyFileSync(join(root, file), join(folder, file));
}
console.log(`sdk-${triple}`);

function currentTriple() {
  const { platform, arch } = process;
  const musl = platform === 'linux' && process.report.getReport().header.glibcVersionRuntime === undefined;
  return `${platform}-${arch}${platform === 'linux' ? (musl ? '-musl' : '-gnu') : platform === 'win32' ? '-msvc' : ''}`;
}
