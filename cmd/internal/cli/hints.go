package cli

import (
	"errors"
	"io/fs"
	"net"
	"syscall"

	"joulepay/channel"
	"joulepay/channel/agent"
	"joulepay/channel/secure"
	"joulepay/channel/session"
	"joulepay/internal/natsd"
	"joulepay/internal/sqlite"
	"joulepay/meter"
	"joulepay/meter/execmeter"
	"joulepay/meter/replay"
	"joulepay/pricing"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/wallet"
	"joulepay/wallet/money"
)

// knownErrors is the one place that says what people can do about an error of a library package. The first match wins.
var knownErrors = []Known{
	{Err: wallet.ErrPassword,
		Hint: "type it again, or name the file that holds it: `{command} --password-file FILE`"},
	{Err: wallet.ErrNoPassword,
		Hint: "name the file that holds it: `{command} --password-file FILE`, or set JOULEPAY_PASSWORD_FILE"},
	{Err: wallet.ErrNotProtected,
		Hint: "leave the password out: this wallet was made with --insecure-no-password"},
	{Err: wallet.ErrPermissions,
		Hint: "if nobody else can have read it: `chmod 600` the file and try again; else make a new wallet: `{program} wallet create`"},
	{Err: wallet.ErrExists,
		Hint: "choose another name: `{program} wallet create --wallet NAME`; `{program} wallet list` shows those that exist"},
	{Err: wallet.ErrVersion,
		Hint: "a newer program wrote it: `{program} --version` tells which one this is"},
	{Err: wallet.ErrKeyFile,
		Hint: "restore the file from your backup; `{program} wallet list` shows the wallets that can be read"},
	{Err: wallet.ErrDID,
		Hint: "a DID looks like did:joule:z6Mk…; `{program} wallet show` prints your own", Code: ExitUsage},
	{Err: money.ErrSyntax,
		Hint: "write an amount and its currency, for example 50EUR or 12.50EUR", Code: ExitUsage},
	{Err: money.ErrCurrency,
		Hint: "write a currency as three capital letters, for example 50EUR", Code: ExitUsage},

	{Err: wallet.ErrWords,
		Hint: "compare them with what was written down, in order; each is in the English list of BIP-39"},
	{Err: channel.ErrUnsynced,
		Hint: "visit the other side once more, or end the channel without it: `{program} channels close ID --alone`"},
	{Err: session.ErrForeignChannel,
		Hint: "take an undamaged file of `{program} channels export FILE`, of the same wallet"},

	{Err: sqlite.ErrLocked,
		Hint: "another `{program}` works with this directory: stop it, or choose another one: `{command} --data DIR`"},
	{Err: sqlite.ErrDiskFull,
		Hint: "make room on the disk of --data, then run `{command}` again: nothing acknowledged is lost"},
	{Err: sqlite.ErrNewer,
		Hint: "a newer program wrote it: `{program} --version` tells which one this is"},
	{Err: sqlite.ErrPragma,
		Hint: "the file system does not keep what SQLite needs (network file systems do not): `{command} --data DIR` on a local disk"},
	{Err: sqlite.ErrForeign,
		Hint: "the directory belongs to another program: `{command} --data DIR`"},
	{Err: sqlite.ErrCorrupt,
		Hint: "keep a copy of the directory, check the disk, then restore from a backup; do not delete channels that are open"},
	{Err: sqlite.ErrOutcomeUnknown,
		Hint: "run `{command}` again: it finds out what was stored"},

	{Err: natsd.ErrPortTaken,
		Hint: "another NATS server listens there: use it, `{command} --nats nats://127.0.0.1:4222`, or stop it"},
	{Err: natsd.ErrStoreHeld,
		Hint: "another `{program}` works with this directory: stop it, or choose another one: `{command} --data DIR`"},
	{Err: natsd.ErrUnreachable,
		Hint: "start one with `ledger run`, which embeds it, or name yours: `{command} --nats nats://HOST:4222`"},
	{Err: natsd.ErrRefused,
		Hint: "the server does not know this key, or it has too many connections: see `{program} wallet show`. Of a key that was rotated a broker without a node learns by `ledger broker --genesis FILE --ledger URL`, another server by its configuration"},
	{Err: natsd.ErrUntrusted,
		Hint: "name the certificates that it is trusted by: `{command} --nats-ca FILE`; without TLS its URL begins with nats://"},
	{Err: natsd.ErrTLS,
		Hint: "name PEM files that can be read: a certificate with its key, or the certificates that are trusted"},
	{Err: secure.ErrPeer,
		Hint: "somebody else answers in the station's name: do not charge here, and tell who runs the broker"},
	{Err: secure.ErrNotAdmitted,
		Hint: "its key was replaced or retired: choose another station"},
	{Err: secure.ErrRefused,
		Hint: "the station says that this wallet's key was replaced or retired: open the wallet that has the current one"},

	{Err: client.ErrUnreachable,
		Hint: "start a node with `ledger run`, or name yours: `{command} --ledger http://HOST:8420`"},
	{Err: client.ErrBaseURL,
		Hint: "write the address as `{command} --ledger http://127.0.0.1:8420`", Code: ExitUsage},
	{Err: client.ErrInsufficient,
		Hint: "put money on the account: `ledger issue --to {did} --amount 50EUR`"},
	{Err: client.ErrWrongNetwork,
		Hint: "the ledger is not the one that was met first: `ledger status` shows its network; name the right one with --ledger"},
	{Err: client.ErrUnproven,
		Hint: "do not trust that server: name another one with --ledger"},
	{Err: client.ErrUnauthorized,
		Hint: "ask the operator of the server for a token"},
	{Err: client.ErrForbidden,
		Hint: "ask the operator of the server for a token that allows it"},
	{Err: client.ErrNotServedHere,
		Hint: "ask the process that has it: ledger nodes serve accounts and vertices, chargers their sessions"},
	{Err: settle.ErrCreditSpent,
		Hint: "wait a little, then run `{command}` again: credit grows with the money of the account and with time; `{program} wallet show` names it"},
	{Err: settle.ErrBelowLock,
		Hint: "leave an account nothing or enough, and deposit enough: `curl NODE/v1/network` shows the network's limits"},
	{Err: client.ErrRateLimited,
		Hint: "wait a little, then run `{command}` again"},
	{Err: client.ErrUnavailable,
		Hint: "wait a little, then run `{command}` again; `ledger status` shows how the node is"},
	{Err: client.ErrOutcomeUnknown,
		Hint: "run `{command}` again: what took effect takes no effect twice"},

	{Err: session.ErrNoAnswer,
		Hint: "`vehicle stations` lists the stations that answer; a session that was open resumes with `vehicle resume`"},
	{Err: session.ErrPolicy,
		Hint: "`vehicle stations` shows other prices; `vehicle charge --help` shows the limits"},
	{Err: session.ErrClock,
		Hint: "set the clock of this machine (`timedatectl` shows it), then run `{command}` again"},
	{Err: session.ErrOverDemand,
		Hint: "nothing more was signed than was measured: `vehicle receipts` shows what was paid"},
	{Err: meter.ErrDisagrees,
		Hint: "nothing more was signed than was measured: `vehicle receipts` shows what was paid"},

	{Err: agent.ErrBusy,
		Hint: "`{program} channels list` shows who uses it: wait for the end of that session, or stop it"},
	{Err: agent.ErrNoChannel,
		Hint: "`{program} channels list` shows the channels that this wallet knows"},
	{Err: agent.ErrStopped,
		Hint: "`vehicle resume` goes on with the session; a charger resumes by itself: `chargepoint run`"},
	{Err: agent.ErrLedgerRefused,
		Hint: "`{program} channels list` shows how the channel stands; `ledger status` how the ledger is"},

	{Err: pricing.ErrTariff,
		Hint: "`chargepoint tariff check FILE` shows what is wrong with it"},
	{Err: pricing.ErrCurrency,
		Hint: "write the tariff in the currency of the ledger: `ledger status` shows it"},
	{Err: pricing.ErrNotValid,
		Hint: "correct start_date_time and end_date_time; `chargepoint tariff check FILE` shows them"},
	{Err: meter.ErrSpec,
		Hint: "for example --meter sim, --meter replay:sessions.csv#0 or --meter 'exec:./read-meter'", Code: ExitUsage},
	{Err: replay.ErrFileMissing,
		Hint: "check the name of the file: replay:FILE#ROW, with rows counted from 0", Code: ExitUsage},
	{Err: replay.ErrNoSuchRow,
		Hint: "rows are counted from 0, without the header: replay:FILE#ROW", Code: ExitUsage},
	{Err: replay.ErrFormat,
		Hint: "the first line of the file names its columns: those of ACN or EPFL tables are known", Code: ExitUsage},
	{Err: execmeter.ErrCommand,
		Hint: "try the command by itself: it prints one JSON reading a line"},
	{Err: execmeter.ErrLine,
		Hint: "try the command by itself: it prints one JSON reading a line"},
	{Err: execmeter.ErrExited,
		Hint: "try the command by itself: it goes on until it is stopped"},

	{Err: syscall.ENOSPC,
		Hint: "make room on the disk of --data, then run `{command}` again: nothing acknowledged is lost"},
	{Err: syscall.EROFS,
		Hint: "choose a directory that can be written: `{command} --data DIR`"},
	{Err: syscall.EADDRINUSE,
		Hint: "stop the process that listens there, or choose another address; port 0 takes a free one"},
	{Err: syscall.ECONNREFUSED,
		Hint: "nothing listens there: start it (`ledger run`), or name another address; `{command} --help` shows the flags"},
	{Match: isUnknownHost,
		Hint: "check the host name in the address; `{command} --help` shows the flags"},
	{Err: fs.ErrPermission,
		Hint: "choose a directory that is yours, `{command} --data DIR`, or change who owns the file"},
	{Err: fs.ErrNotExist,
		Hint: "check the name of the file; `{command} --help` shows what it expects"},
}

func isUnknownHost(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}
