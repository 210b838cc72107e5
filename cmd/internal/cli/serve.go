package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"
)

// Limits of the HTTP servers. How long a handler may write is its own business: event streams are long.
const (
	headerTimeMax   = 10 * time.Second // a slow client must not hold a connection
	requestTimeMax  = 30 * time.Second // to read the whole request
	idleTimeMax     = 2 * time.Minute  // between requests
	headerSizeMax   = 16 << 10         // our own are below 2 KiB
	shutdownTimeMax = 5 * time.Second  // for answers in flight
)

// Listen opens an address such as 127.0.0.1:8420 that the named flag gave.
func (a *App) Listen(flag, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &Error{Cause: err, Message: "another process listens on " + address,
			Hint: fmt.Sprintf("stop that process, or take any free port: `{command} --%s %s`", flag, freePort(address))}
	case errors.Is(err, syscall.EACCES):
		return nil, &Error{Cause: err, Message: "this user may not listen on " + address,
			Hint: fmt.Sprintf("take any free port: `{command} --%s %s`", flag, freePort(address))}
	case err != nil:
		return nil, Usage(fmt.Sprintf("an address is host:port, for example `--%s 127.0.0.1:8420`", flag), "--%s: %w", flag, err)
	}
	return listener, nil
}

func freePort(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, "0")
}

// Serve answers HTTP until the context ends, then lets answers in flight finish. Handlers of endless answers, such as
// event streams, watch the same context, and lift the read deadline with http.ResponseController.
func (a *App) Serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeMax, ReadTimeout: requestTimeMax, IdleTimeout: idleTimeMax,
		MaxHeaderBytes: headerSizeMax, ErrorLog: slog.NewLogLogger(a.Log().Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve HTTP on %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeMax)
	defer cancel()
	if err := server.Shutdown(limited); err != nil {
		a.Log().Warn("answers cut off at shutdown", "address", listener.Addr().String(), "err", err)
		err = server.Close()
		<-served
		return err
	}
	<-served
	return nil
}
