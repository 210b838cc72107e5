package once_test

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"joulepay/settle/once"
)

var (
	noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	key  = once.Key{Route: "/v1/transfers", Text: "k"}
)

// stores gives the file and its twin; reopen gives what a crash leaves, where it leaves anything.
func stores(t *testing.T, test func(t *testing.T, s once.Store, reopen func() once.Store)) {
	t.Run("memory", func(t *testing.T) {
		s := once.NewMemory()
		test(t, s, func() once.Store { return s })
	})
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "requests.db")
		open := func() *once.SQLite {
			s, err := once.Open(context.Background(), path)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		s := open()
		defer func() { _ = s.Close() }()
		test(t, s, func() once.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open()
			return s
		})
	})
}

func TestI4_WhatWasRememberedIsThereAfterACrash(t *testing.T) {
	stores(t, func(t *testing.T, s once.Store, reopen func() once.Store) {
		ctx := t.Context()
		begin := func(at time.Time) once.Record {
			t.Helper()
			r, err := s.Begin(ctx, key, [32]byte{9}, at)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r, err := s.Begin(ctx, key, [32]byte{1}, noon); err != nil || r.Request != [32]byte{1} || r.Note != nil || r.Answer != nil {
			t.Fatalf("%+v %v", r, err)
		}
		s = reopen()
		if r := begin(noon); r.Request != [32]byte{1} || r.Answer != nil {
			t.Errorf("began: %+v", r)
		}
		if err := s.Note(ctx, key, []byte("payload")); err != nil {
			t.Fatal(err)
		}
		s = reopen()
		if r := begin(noon); string(r.Note) != "payload" || r.Answer != nil {
			t.Errorf("noted: %+v", r)
		}
		answer := once.Answer{Status: 201, ContentType: "application/json", Location: "/v1/vertices/1", Body: []byte("{}")}
		if err := s.Finish(ctx, key, answer); err != nil {
			t.Fatal(err)
		}
		if err := s.Finish(ctx, key, once.Answer{Status: 500}); err != nil {
			t.Fatal(err)
		}
		s = reopen()
		if r := begin(noon.Add(once.Lifetime)); r.Answer == nil || !reflect.DeepEqual(*r.Answer, answer) || r.Request != [32]byte{1} {
			t.Errorf("finished: %+v", r)
		}
		if r := begin(noon.Add(once.Lifetime + time.Second)); r.Answer != nil || r.Request != [32]byte{9} {
			t.Errorf("after its time: %+v", r)
		}
	})
}

func TestI9_WhatIsTooLargeOrUnknownIsRefused(t *testing.T) {
	stores(t, func(t *testing.T, s once.Store, _ func() once.Store) {
		ctx := t.Context()
		if err := s.Note(ctx, key, nil); !errors.Is(err, once.ErrUnknownKey) {
			t.Error(err)
		}
		if err := s.Finish(ctx, key, once.Answer{}); !errors.Is(err, once.ErrUnknownKey) {
			t.Error(err)
		}
		if err := s.Note(ctx, key, make([]byte, once.NoteSizeMax+1)); !errors.Is(err, once.ErrSize) {
			t.Error(err)
		}
		if err := s.Finish(ctx, key, once.Answer{Body: make([]byte, once.AnswerSizeMax+1)}); !errors.Is(err, once.ErrSize) {
			t.Error(err)
		}
	})
}

func TestAKeyOfAnotherRouteIsAnotherKey(t *testing.T) {
	stores(t, func(t *testing.T, s once.Store, _ func() once.Store) {
		if _, err := s.Begin(t.Context(), key, [32]byte{1}, noon); err != nil {
			t.Fatal(err)
		}
		r, err := s.Begin(t.Context(), once.Key{Route: "/v1/issues", Text: key.Text}, [32]byte{2}, noon)
		if err != nil || r.Request != [32]byte{2} {
			t.Errorf("%+v %v", r, err)
		}
	})
}
