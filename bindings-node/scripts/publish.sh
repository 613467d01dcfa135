#!/usr/bin/env bash
# Publishes the tarballs of a folder, but for those that the registry has in their version: a release that broke off is
# run again. Those of the platforms first: whoever installs the other finds them. publish.sh FOLDER
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$1"
platforms=(builderaikits-sdk-{darwin,linux,win32}-*.tgz)
wanted=$(node -p 'Object.keys(require(process.argv[1])).length' "$root/platforms.json")
if ((${#platforms[@]} != wanted)); then
  echo "${#platforms[@]} of $wanted platforms are there: ${platforms[*]}" >&2
  exit 1
fi
for tarball in "${platforms[@]}" builderaikits-sdk-[0-9]*.tgz; do
  package=$(tar xzOf "$tarball" package/package.json | node -p 'const { name, version } = JSON.parse(fs.readFileSync(0)); `${name}@${version}`')
  # It says nothing, or fails, where there is none.
  if [[ -n $(npm view "$package" version 2>/dev/null) ]]; then
    echo "$package is there"
  else
    # npm asks for the tag of a version before its release. With `./`, without which it takes a file for a repository.
    [[ ${package##*@} == *-* ]] && tag=next || tag=latest
    npm publish --access public --tag "$tag" "./$tarball"
  fi
done
