module builderaikits.com/sdk

go 1.24

require (
	builderaikits.com/sdk/lib/darwin_amd64 v0.1.0
	builderaikits.com/sdk/lib/darwin_arm64 v0.1.0
	builderaikits.com/sdk/lib/linux_amd64 v0.1.0
	builderaikits.com/sdk/lib/linux_arm64 v0.1.0
	builderaikits.com/sdk/lib/windows_amd64 v0.1.0
)
