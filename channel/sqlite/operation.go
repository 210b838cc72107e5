package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"joulepay/channel/session"
	engine "joulepay/internal/sqlite"
)

// operationSizeMax bounds body and payload: the largest holds two claims, about 700 bytes.
const operationSizeMax = 16 << 10

const selectOperation = "SELECT number, id, kind, channel, session, body, payload, state, vertex, failure FROM operation"

func checkOperationSize(r session.OpRecord) error {
	if len(r.Body) > operationSizeMax || len(r.Payload) > operationSizeMax || len(r.Failure) > operationSizeMax {
		return fmt.Errorf("%w: operation with a body of %d bytes, a payload of %d, at most %d",
			session.ErrRecord, len(r.Body), len(r.Payload), operationSizeMax)
	}
	return nil
}

// addOperation enters an operation or what became of it. One that is final or refused stays as it is.
func (w *writing) addOperation(r session.OpRecord) error {
	var number int64
	var state session.OpState
	var payload []byte
	err := w.tx.QueryRow("SELECT number, state, payload FROM operation WHERE id = ?", r.ID[:]).Scan(&number, &state, &payload)
	if errors.Is(err, sql.ErrNoRows) {
		_, err := w.tx.Exec("INSERT INTO operation (id, kind, channel, session, body, payload, state, vertex, failure) VALUES (?,?,?,?,?,?,?,?,?)",
			r.ID[:], r.Kind, r.Channel[:], r.Session[:], blob(r.Body), blob(r.Payload), r.State, r.Vertex[:], r.Failure)
		return err
	}
	if err != nil || state != session.OpPending {
		return err
	}
	if len(r.Payload) > 0 {
		payload = r.Payload
	}
	_, err = w.tx.Exec("UPDATE operation SET kind=?, channel=?, session=?, body=?, payload=?, state=?, vertex=?, failure=? WHERE number=?",
		r.Kind, r.Channel[:], r.Session[:], blob(r.Body), blob(payload), r.State, r.Vertex[:], r.Failure, number)
	return err
}

// blob keeps an empty value from becoming NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Op implements store.Store.
func (s *Store) Op(ctx context.Context, id session.OpID) (session.OpRecord, error) {
	var r session.OpRecord
	err := s.read(ctx, func(q engine.Queryer) (err error) {
		r, err = scanOperation(q.QueryRow(selectOperation+" WHERE id = ?", id[:]))
		return err
	})
	return r, missing(err, "operation %x", id)
}

// PendingOps implements store.Store.
func (s *Store) PendingOps(ctx context.Context) ([]session.OpRecord, error) {
	return list(ctx, s, scanOperation, selectOperation+" WHERE state = 1 ORDER BY number")
}

func scanOperation(row scanner) (session.OpRecord, error) {
	var r session.OpRecord
	err := row.Scan(&r.Sequence, fixed(r.ID[:]), &r.Kind, fixed(r.Channel[:]), fixed(r.Session[:]),
		&r.Body, &r.Payload, &r.State, fixed(r.Vertex[:]), &r.Failure)
	if err != nil {
		return session.OpRecord{}, err
	}
	r.Body, r.Payload = present(r.Body), present(r.Payload)
	return r, nil
}

// present gives nil for what is empty.
func present(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
