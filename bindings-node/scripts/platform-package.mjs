// Lays out the package of one platform: platform-package.mjs TRIPLE ADDON FOLDER. The table is platforms.json.
import { copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [triple, addon, folder] = process.argv.slice(2);
const root = join(import.meta.dirname, '..');
const read = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));
const { version, homepage, license, engines } = read('package.json');
const platform = read('platforms.json')[triple];
if (platform === undefined) {
  throw new Error(`platforms.json has no ${triple}`);
}
const main = `builderaikits.${triple}.node`;
mkdirSync(folder, { recursive: true });
// In one step, so that nobody loads half a file.
copyFileSync(addon, join(folder, `${main}.new`));
renameSync(join(folder, `${main}.new`), join(folder, main));
const { os, cpu, libc } = platform;
const description = `The addon of @builderaikits/sdk for ${triple}. Install @builderaikits/sdk instead.`;
const manifest = {
  name: `@builderaikits/sdk-${triple}`,
  version,
  description,
  homepage,
  license,
  engines,
  os: [os],
  cpu: [cpu],
  ...(libc && { libc: [libc] }),
  main,
  files: [main, 'LICENSE-APACHE', 'LICENSE-MIT'],
};
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
writeFileSync(join(folder, 'README.md'), `# @builderaikits/sdk-${triple}\n\n${description}\n`);
for (const file of ['LICENSE-APACHE', 'LICENSE-MIT']) {
  copyFileSync(join(root, file), join(folder, file));
}
