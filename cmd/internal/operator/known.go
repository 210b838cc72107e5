package operator

import (
	"errors"

	"github.com/nats-io/nats.go/jetstream"

	"joulepay/cmd/internal/cli"
	"joulepay/internal/natsd"
	engine "joulepay/internal/sqlite"
	"joulepay/settle"
	"joulepay/settle/client"
	"joulepay/settle/dag"
	"joulepay/settle/snapshot"
	"joulepay/settle/stream"
)

// knownErrors says what to do about errors that mean something else, or more, to the operator of a ledger than to others.
var knownErrors = []cli.Known{
	{Err: settle.ErrGenesis,
		Hint: "`{command} --help` shows what a genesis needs", Code: cli.ExitUsage},
	{Err: settle.ErrAboveCap,
		Hint: "`ledger status` shows the issuers; the cap in the genesis bounds what each has issued less what it redeemed"},
	{Err: client.ErrNotFound,
		Hint: "`ledger status` shows which ledger this is; `ledger channels list` lists its channels"},
	{Err: client.ErrUnauthorized,
		Hint: "ask the operator of the node for the token: `{command} --token-file FILE`"},
	{Err: client.ErrForbidden,
		Hint: "ask the operator of the node for the token: `{command} --token-file FILE`"},
	{Err: client.ErrUnreachable,
		Hint: "start a node with `ledger run`, or name yours: `{command} --ledger http://HOST:8420`"},
	{Err: client.ErrWrongNetwork,
		Hint: "`ledger status` shows the network of the node; name the right node with --ledger, or the directory of its network with --data"},
	{Err: ErrNotIssuer,
		Hint: "use the issuer's wallet: `{command} --data DIR --wallet NAME`; `ledger status` shows the issuers"},
	{Err: ErrVotesLost,
		Hint: "bring the database back, or begin from a snapshot that another node made since: `{command} --snapshot FILE`"},
	{Err: ErrOtherNetwork,
		Hint: "each network has a directory of its own: `{command} --data DIR`"},
	{Err: ErrGenesisFile,
		Hint: "`ledger genesis --out FILE` writes one; every node of a network has the same"},
	{Err: snapshot.ErrNotCertified,
		Hint: "the file is damaged or made up: take another one, `ledger snapshot --out FILE`, from a node that you trust"},
	{Err: snapshot.ErrFormat,
		Hint: "the file is damaged or something else: `ledger snapshot --out FILE` makes one"},
	{Err: snapshot.ErrNetwork,
		Hint: "`ledger snapshot verify FILE` shows of which network it is; each network has a directory of its own: `{command} --data DIR`"},
	{Err: snapshot.ErrNotFinal,
		Hint: "`ledger status` shows whether the witnesses work; a first checkpoint is final within seconds"},
	{Err: errNoBase,
		Hint: "put " + baseFile + " of the same backup beside the database, or begin anew: `ledger run --snapshot FILE --data DIR`"},
	{Err: dag.ErrCorrupt,
		Hint: "the disk has changed what was stored: begin anew from a snapshot of another node, `ledger run --snapshot FILE --data DIR`"},
	{Err: engine.ErrCorrupt,
		Hint: "the disk has changed what was stored: begin anew from a snapshot of another node, `ledger run --snapshot FILE --data DIR`"},
	{Err: ErrStuck,
		Hint: "make room on the disk of --data if it is full, then run `{command}` again: nothing acknowledged is lost"},
	{Err: ErrDiffers,
		Hint: "keep a copy of --data; a directory from a backup, checked with `ledger verify --data DIR`, can take its place"},
	{Match: isNoRoomForLog,
		Hint: "make room on the disk of the NATS server, which reserves the ledger's log, then run `{command}` again"},
	{Err: stream.ErrUnavailable,
		Hint: "the ledger's log needs a NATS server with JetStream: start yours as `nats-server -js`, or leave --nats out"},
	{Err: natsd.ErrForbidden,
		Hint: "that NATS server does not let this key use the ledger's log: its operator names this wallet with `ledger broker --follower DID`, or you leave --nats out"},
	{Err: natsd.ErrRefused,
		Hint: "the broker takes the witnesses of its genesis and followers that it names: `ledger broker --genesis FILE --follower DID`"},
	{Err: natsd.ErrExposed,
		Hint: "give all servers of the cluster the same file: `(umask 077; head -c 24 /dev/urandom | base64 > cluster.secret)`, `{command} --secret-file cluster.secret`"},
	{Err: natsd.ErrCluster,
		Hint: "`ledger broker --help` shows a cluster of three"},
	{Err: natsd.ErrPortTaken,
		Hint: "use the NATS server there, `{command} --nats nats://127.0.0.1:4222`, or take any free port: `{command} --nats-listen 127.0.0.1:0`"},
}

func isNoRoomForLog(err error) bool {
	var refusal *jetstream.APIError
	return errors.As(err, &refusal) && refusal.ErrorCode == storageResourcesExceeded
}

// storageResourcesExceeded is the code of JSStorageResourcesExceededErr in the errors of nats-server.
const storageResourcesExceeded jetstream.ErrorCode = 10047
