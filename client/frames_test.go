package client_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/client"
)

// FuzzWatch feeds a watch whatever a broken server may send: it must end with
// an error and not hang, panic or take gigabytes.
func FuzzWatch(f *testing.F) {
	f.Add([]byte(`{"type":"ADDED","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a"}}}`), false)
	f.Add([]byte(`{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","code":410}}`), false)
	f.Add([]byte(`{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1"}}`), false)
	f.Add([]byte("{"), false)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1}, true)
	f.Add([]byte{0, 0, 0, 2, 1, 2}, true)
	f.Add([]byte{0, 0}, true)
	f.Fuzz(func(t *testing.T, data []byte, proto bool) {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", api.JSON)
			if proto {
				w.Header().Set("Content-Type", api.Protobuf+";stream=watch")
			}
			_, _ = w.Write(data)
		})
		c, err := client.New(client.Config{BaseURL: "http://test", Transport: client.InMemory(h)})
		require.NoError(t, err)
		w, err := client.For[*corev1.ConfigMap](c).Watch(t.Context(), "", client.WatchOptions{})
		require.NoError(t, err)
		defer w.Close()
		for events := 0; ; events++ {
			if _, err := w.Next(t.Context()); err != nil {
				return
			}
			require.LessOrEqual(t, events, bytes.Count(data, []byte("type"))+len(data)/4)
		}
	})
}
