module builderaikits.com/sdk

go 1.24

require builderaikits.com/sdk/lib/linux_amd64 v0.1.0
