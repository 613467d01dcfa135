// An npm registry that serves only these packages, so that they are installed as users will install them.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

/** Serves packages of `{ manifest, tarball }`. A package without a tarball is for another platform: only its manifest is served. */
export async function registry(packages) {
  const listener = createServer((request, response) => {
    const { port } = listener.address();
    const name = decodeURIComponent(request.url).slice(1);
    const found = packages.find(({ manifest }) => name === manifest.name || name === `${manifest.name}.tgz`);
    if (found === undefined || (name.endsWith('.tgz') && found.tarball === undefined)) {
      response.writeHead(404).end('{}');
    } else if (name.endsWith('.tgz')) {
      response.end(readFileSync(found.tarball));
    } else {
      const { manifest, tarball } = found;
      const bytes = tarball === undefined ? '' : readFileSync(tarball);
      const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
      const dist = { tarball: `http://127.0.0.1:${port}/${manifest.name}.tgz`, integrity };
      const versions = { [manifest.version]: { ...manifest, dist } };
      response.end(JSON.stringify({ name: manifest.name, 'dist-tags': { latest: manifest.version }, versions }));
    }
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${listener.address().port}/`, close: () => listener.close() };
}
