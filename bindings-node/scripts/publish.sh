#!/usr/bin/env bash
# Publishes the tarballs of a folder, except those that the registry already has, so that an interrupted release can be run
# again. The platform packages come first, because the main package depends on them. publish.sh FOLDER
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$1"
platforms=(builderaikits-sdk-{darwin,linux,win32}-*.tgz)
wanted=$(node -p 'Object.keys(require(process.argv[1])).length' "$root/platforms.json")
if ((${#platforms[@]} != wanted)); then
  echo "found ${#platforms[@]} of $wanted platform packages: ${platforms[*]}" >&2
  exit 1
fi
for tarball in "${platforms[@]}" builderaikits-sdk-[0-9]*.tgz; do
  package=$(tar xzOf "$tarball" package/package.json | node -p 'const { name, version } = JSON.parse(fs.readFileSync(0)); `${name}@${version}`')
  # Prints nothing, or fails, if the version is not published.
  if [[ -n $(npm view "$package" version 2>/dev/null) ]]; then
    echo "$package is already published"
  else
    # npm requires a tag for prereleases. Without `./` it takes the file name for a repository.
    [[ ${package##*@} == *-* ]] && tag=next || tag=latest
    npm publish --access public --tag "$tag" "./$tarball"
  fi
done
