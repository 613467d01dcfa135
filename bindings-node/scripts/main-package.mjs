// Creates the package that users install: main-package.mjs FOLDER. It is written to FOLDER/sdk from the output of tsc, and
// depends on the packages of all platforms in platforms.json, at its own version.
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repository } from './repository.mjs';

const folder = join(process.argv[2], 'sdk');
const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));
const { scripts: _, devDependencies: __, ...manifest } = read('package.json');
const triples = Object.keys(read('platforms.json'));
manifest.optionalDependencies = Object.fromEntries(triples.map((triple) => [`@builderaikits/sdk-${triple}`, manifest.version]));
manifest.repository = repository;

rmSync(folder, { recursive: true, force: true });
for (const file of manifest.files) {
  cpSync(join(root, file), join(folder, file), { recursive: true });
}
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
