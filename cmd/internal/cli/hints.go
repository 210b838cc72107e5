package cli

import (
	"errors"
	"io/fs"
	"net"
	"syscall"

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
