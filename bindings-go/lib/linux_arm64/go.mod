module builderaikits.com/sdk/lib/linux_arm64

go 1.24
