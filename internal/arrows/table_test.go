package arrows

// arrows says what the packages that match a pattern may import from this module. "x/..." matches x and all below it.
type arrows struct {
	from  string
	to    []string
	tests []string // more, for test files only; all of them may import the package itself and internal/campaign
}

// everywhere lists plumbing that all packages may import.
var everywhere = []string{"internal/layout", "internal/canon"}

// sessions and ledger are what stands above whoever composes them.
var (
	libraries = []string{"wallet/...", "meter/...", "pricing/...", "channel/...", "settle/...",
		"internal/sqlite", "internal/natsd", "internal/filelock", "internal/freeport"}
	// session is what a session is made of, and receipts are about.
	session = []string{"wallet", "wallet/money", "wallet/credential", "meter", "pricing", "channel", "channel/quote", "channel/wire"}
)

// table goes from the top of the house to its floor: the first pattern that matches a package rules it. A new package
// needs a line here; a new arrow needs a reason in docs/architecture.md.
var table = []arrows{
	// Plumbing that belongs to no domain.
	{from: "internal/layout"},
	{from: "internal/canon"},
	{from: "internal/filelock"},
	{from: "internal/sqlite", to: []string{"internal/filelock"}},
	{from: "internal/natsd", to: []string{"internal/filelock"}, tests: []string{"internal/freeport"}},
	{from: "internal/arrows"},
	{from: "internal/campaign"},
	{from: "internal/shared"},
	{from: "internal/freeport", to: []string{"internal/filelock"}},
	{from: "internal/powercut"},

	{from: "wallet/money"},
	{from: "wallet", to: []string{"wallet/money"}},
	{from: "wallet/credential", to: []string{"wallet", "wallet/money"}},
	{from: "wallet/credential/...", to: []string{"wallet", "wallet/credential", "internal/filelock"}},

	{from: "meter", to: []string{"wallet", "wallet/money"}},
	{from: "meter/replay", to: []string{"wallet", "meter", "meter/sim"}},
	{from: "meter/ocpp", to: []string{"wallet", "meter", "meter/ocmf"}, tests: []string{"meter/ocpp/ocpptest"}},
	{from: "meter/ocpp/ocpptest", to: []string{"meter/ocpp", "meter/ocmf", "internal/shared"}},
	{from: "meter/ocmfsign", to: []string{"meter", "meter/ocmf"}, tests: []string{"meter/sim"}},
	{from: "meter/...", to: []string{"wallet", "meter"}, tests: []string{"meter/sim"}},

	{from: "pricing", to: []string{"wallet/money", "meter"}},
	{from: "pricing/...", to: []string{"wallet/money", "meter", "pricing"}},

	// A visit. None of it knows the ledger: they meet in cmd and simulations.
	{from: "channel", to: []string{"wallet", "wallet/money"}},
	{from: "channel/quote", to: []string{"wallet", "wallet/money", "wallet/credential", "meter", "meter/ocmf", "pricing", "channel"}},
	{from: "channel/wire", to: []string{"wallet", "wallet/money", "meter", "channel", "channel/quote"}},
	{from: "channel/session", to: session, tests: []string{"meter/sim", "meter/ocmf", "meter/clock", "meter/counter"}},
	{from: "channel/store", to: append([]string{"channel/session"}, session...), tests: []string{"channel/store/storetest"}},
	{from: "channel/store/storetest", to: append([]string{"channel/session", "channel/store"}, session...)},
	{from: "channel/sqlite", to: append([]string{"channel/session", "channel/store", "internal/sqlite"}, session...),
		tests: []string{"channel/store/storetest", "internal/powercut"}},
	{from: "channel/link"},
	{from: "channel/secure", to: []string{"wallet", "channel/link"}},
	{from: "channel/natslink", to: []string{"wallet", "channel/link", "channel/quote", "internal/natsd"}},
	{from: "channel/agent", to: append([]string{"channel/session", "channel/store", "channel/link", "channel/secure"}, session...),
		tests: []string{"channel/sqlite", "channel/natslink", "internal/natsd", "internal/sqlite", "meter/sim", "meter/counter"}},

	// The ledger. Of a visit it knows the rules of channels only, and receipts what they are about.
	{from: "settle", to: []string{"wallet", "wallet/money", "channel"}},
	{from: "settle/proof", to: []string{"wallet", "wallet/money", "channel", "settle"}},
	{from: "settle/did", to: []string{"wallet", "settle", "settle/proof"}, tests: []string{"settle/did/didtest"}},
	{from: "settle/did/didtest", to: []string{"wallet", "wallet/money", "settle", "settle/proof", "settle/dag", "settle/did"}},
	{from: "settle/dag", to: []string{"wallet", "wallet/money", "channel", "settle", "settle/proof"}},
	{from: "settle/stream", to: []string{"wallet", "settle"}},
	{from: "settle/jetstream", to: []string{"wallet", "settle", "settle/stream"}, tests: []string{"internal/natsd", "internal/freeport"}},
	{from: "settle/gossip", to: []string{"wallet", "settle", "settle/proof", "settle/stream"}, tests: []string{"settle/gossip/gossiptest"}},
	{from: "settle/gossip/gossiptest", to: []string{"settle/gossip", "settle/proof", "settle/stream"}},
	{from: "settle/natsgossip", to: []string{"wallet", "settle", "settle/proof", "settle/stream", "settle/gossip", "internal/natsd"},
		tests: []string{"settle/gossip/gossiptest", "wallet/money"}},
	{from: "settle/store", to: []string{"wallet", "wallet/money", "channel", "settle", "settle/proof", "settle/dag", "settle/stream"},
		tests: []string{"settle/store/storetest"}},
	{from: "settle/store/storetest", to: []string{"wallet", "wallet/money", "channel", "settle", "settle/proof", "settle/dag", "settle/stream", "settle/store"}},
	{from: "settle/sqlite", to: []string{"wallet", "wallet/money", "channel", "settle", "settle/proof", "settle/dag", "settle/stream", "settle/store",
		"internal/sqlite"}, tests: []string{"settle/store/storetest", "internal/powercut"}},
	{from: "settle/snapshot", to: []string{"wallet", "wallet/money", "channel", "settle", "settle/proof", "settle/dag", "settle/stream", "settle/store"}},
	{from: "settle/node", to: []string{"wallet", "wallet/money", "channel", "settle", "settle/proof", "settle/dag", "settle/stream", "settle/store", "settle/gossip", "settle/snapshot"},
		tests: []string{"settle/sqlite", "settle/jetstream", "settle/natsgossip", "internal/natsd", "internal/sqlite"}},
	{from: "settle/simtest", tests: []string{"wallet", "wallet/money", "channel", "settle", "settle/proof", "settle/dag", "settle/stream", "settle/store",
		"settle/gossip", "settle/node"}},
	{from: "settle/receipt", to: append([]string{"settle", "settle/proof", "settle/did"}, session...), tests: []string{"settle/dag", "meter/sim"}},
	{from: "settle/operation", to: []string{"wallet", "wallet/money", "channel", "channel/session", "settle", "settle/proof"}},
	{from: "settle/client", to: []string{"wallet", "wallet/money", "channel", "settle", "settle/proof", "settle/did", "settle/receipt"},
		tests: []string{"settle/api", "settle/node", "settle/store", "settle/stream"}},
	{from: "settle/registry", to: []string{"wallet", "settle", "settle/proof", "settle/did"}, tests: []string{"settle/did/didtest"}},
	// Where a visit meets the ledger, for processes and for who embeds the library.
	{from: "settle/port", to: []string{"wallet", "channel", "channel/agent", "channel/session", "channel/store",
		"channel/quote", "wallet/money", "settle", "settle/client", "settle/did", "settle/operation", "settle/proof", "settle/receipt"},
		tests: []string{"meter", "pricing", "settle/api", "settle/node", "settle/store", "settle/stream"}},
	{from: "settle/web"},
	{from: "settle/once", to: []string{"internal/sqlite"}},
	{from: "settle/api/apitest", to: []string{"settle/api"}},
	{from: "settle/api", to: []string{"wallet", "wallet/money", "wallet/credential/status", "channel", "settle/..."}},

	// Who composes them.
	{from: "simulations/...", to: append([]string{"simulations/..."}, libraries...)},
	{from: "cmd/internal/cli", to: libraries, tests: []string{"cmd/internal/clitest"}},
	{from: "cmd/internal/clitest", to: []string{"cmd/internal/cli", "internal/freeport"}},
	{from: "cmd/internal/walletcmd", to: []string{"cmd/internal/cli", "wallet", "wallet/money"}, tests: []string{"cmd/internal/clitest"}},
	{from: "cmd/internal/simcable", to: libraries},
	{from: "cmd/internal/metrics", to: libraries},
	{from: "cmd/internal/party", to: append([]string{"cmd/internal/metrics", "cmd/internal/cli", "cmd/internal/walletcmd", "cmd/internal/simcable"}, libraries...)},
	{from: "cmd/internal/faults", to: []string{"cmd/internal/clitest"}, tests: append([]string{"internal/powercut", "internal/campaign"}, libraries...)},
	{from: "cmd/internal/ledgerfaults", tests: append([]string{"cmd/internal/cli", "cmd/internal/operator"}, libraries...)},
	{from: "cmd/internal/browser", tests: append([]string{"cmd/internal/clitest"}, libraries...)},
	{from: "cmd/internal/operations", tests: append([]string{"cmd/internal/..."}, libraries...)},
	{from: "cmd/internal/attacks", tests: append([]string{"cmd/internal/..."}, libraries...)},
	{from: "cmd/internal/apiload", tests: append([]string{"cmd/internal/..."}, libraries...)},
	{from: "cmd/internal/demo", to: append([]string{"cmd/internal/..."}, libraries...)},
	{from: "cmd/internal/simulation", to: []string{"cmd/internal/cli", "simulations/..."}, tests: []string{"cmd/internal/clitest"}},
	{from: "cmd/internal/stationcmd", to: append([]string{"cmd/internal/cli", "cmd/internal/walletcmd", "cmd/internal/party",
		"cmd/internal/channelscmd", "cmd/internal/station", "cmd/internal/operator", "cmd/internal/metrics"}, libraries...),
		tests: []string{"cmd/internal/clitest", "cmd/internal/vehicle"}},
	{from: "cmd/internal/vehiclecmd", to: append([]string{"cmd/internal/cli", "cmd/internal/walletcmd", "cmd/internal/party",
		"cmd/internal/channelscmd", "cmd/internal/vehicle", "cmd/internal/simcable"}, libraries...), tests: []string{"cmd/internal/clitest"}},
	{from: "cmd/internal/...", to: append([]string{"cmd/internal/cli", "cmd/internal/walletcmd", "cmd/internal/party",
		"cmd/internal/simcable", "cmd/internal/metrics"}, libraries...), tests: []string{"cmd/internal/clitest"}},
	{from: "cmd/...", to: []string{"cmd/internal/..."}, tests: []string{"meter/ocmf", "meter/ocpp/ocpptest"}},
}

// pure lists the packages that decide, and do nothing: no clock, file, network, lock or logger of their own.
var pure = []string{"internal/layout", "internal/canon", "wallet/money", "wallet/credential", "pricing", "pricing/market",
	"channel", "channel/quote", "channel/wire", "channel/session", "settle", "settle/proof", "settle/did", "settle/dag"}

// impure lists what they may not import from the standard library.
var impure = []string{"context", "database/sql", "log", "log/slog", "net", "net/http", "os", "os/exec", "sync", "sync/atomic"}

// excused lists what a pure package may import all the same, each with its reason.
var excused = map[string][]string{
	"settle/dag": {"sync"}, // a cache of prepared keys that submitters share; it decides nothing
}

// commandOnly lists what only commands may import: libraries read no flags and print nothing.
var commandOnly = []string{"flag", "github.com/spf13/cobra", "github.com/spf13/pflag", "golang.org/x/term"}
