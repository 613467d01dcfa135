module builderaikits.com/sdk/lib/linux_amd64

go 1.24
