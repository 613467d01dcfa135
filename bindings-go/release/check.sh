#!/usr/bin/env bash
# Uses the Go package without a checkout and without Rust: check.sh RELEASE SANDBOX [VERSION].
# RELEASE is the folder that release/main.go wrote; it is the only module proxy.
set -euo pipefail
release=$(cd "$1" && pwd)
source "$(dirname "${BASH_SOURCE[0]}")/../../sandbox/start.sh" "$2"

go=$(command -v go)
outside=(env -i "PATH=$(dirname "$(readlink -f "$go")"):/usr/bin:/bin" "HOME=$scratch/home" "GOPATH=$scratch/go" "GOCACHE=$(go env GOCACHE)"
  "GOPROXY=file://$release" GOSUMDB=off GOWORK=off GOTOOLCHAIN=local GOFLAGS=-buildvcs=false
  "BUILDERAIKITS_API_KEY=bak_test" "BUILDERAIKITS_BASE_URL=$url")
if "${outside[@]}" sh -c 'command -v cargo rustc'; then
  echo "Rust is on the PATH, so this would not test a build without Rust" >&2
  exit 1
fi
step() {
  echo "\$ $*"
  "${outside[@]}" "$@"
}

mkdir "$scratch/program"
cd "$scratch/program"
cat >main.go <<'GO'
package main

import (
	"context"
	"fmt"
	"log"

	builderaikits "builderaikits.com/sdk"
)

func main() {
	client, err := builderaikits.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	run, err := client.Kits.Run(context.Background(), builderaikits.RunParams{
		Kit:   builderaikits.KitTextGen,
		Input: builderaikits.RunInput{Prompt: "Hello from outside"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(run.Output.Text)
}
GO
step go mod init example.com/program
step go get "builderaikits.com/sdk${3:+@$3}"
# Build with go.mod and go.sum only, as on another machine.
chmod -R u+w "$scratch/go" && rm -rf "$scratch/go"
step go build -ldflags='-s -w' -o program .
step ./program
fetched=$(cd "$scratch/go/pkg/mod/builderaikits.com/sdk/lib" && echo *)
echo "libraries fetched: $fetched"
[[ $fetched == "$(go env GOOS)_$(go env GOARCH)@"* && $fetched != *' '* ]]

step go mod vendor
rm -f program
chmod -R u+w "$scratch/go" && rm -rf "$scratch/go"
step go build -mod=vendor -ldflags='-s -w' -o program .
step ./program
step env CGO_ENABLED=0 go build -o without-cgo .
if without=$(step ./without-cgo 2>&1) || [[ $without != *CGO_ENABLED=1* ]]; then
  echo "without cgo: $without" >&2
  exit 1
fi
echo "$without"
echo "stripped program: $(stat -c %s program) bytes"
echo "outside the checkout: go get, build, run, vendor: ok"
