module builderaikits.com/sdk/lib/darwin_amd64

go 1.24
