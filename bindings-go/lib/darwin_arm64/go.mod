module builderaikits.com/sdk/lib/darwin_arm64

go 1.24
