module builderaikits.com/sdk/lib/windows_amd64

go 1.24
