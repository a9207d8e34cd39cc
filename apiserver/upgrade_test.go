package apiserver_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/coracle-k8s/coracle/apiserver"
)

// A connector may take the connection over, as exec does.
func TestConnect_upgrade(t *testing.T) {
	f := start(t, func(c *apiserver.Config) {
		c.Connectors = map[string]apiserver.Connector{"pods/exec": connectorFunc(
			func(w http.ResponseWriter, _ *http.Request, _ *apiserver.Connection) error {
				conn, rw, err := w.(http.Hijacker).Hijack()
				if err != nil {
					return err
				}
				defer conn.Close()
				if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"); err != nil {
					return err
				}
				line, err := rw.ReadString('\n')
				if err != nil {
					return err
				}
				_, err = io.WriteString(conn, "echo "+line)
				return err
			})}
	})
	server := httptest.NewServer(f)
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "POST /api/v1/namespaces/default/pods/p/exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello\n")
	require.NoError(t, err)
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, 101, response.StatusCode)
	line, err := in.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "echo hello\n", line)
}

func TestAccess_impersonation_of_a_service_account(t *testing.T) {
	var rights []string
	var actor *apiserver.User
	f := start(t, func(c *apiserver.Config) {
		c.Authorizer = authorizerFunc(func(a *apiserver.Attributes) apiserver.Decision {
			if a.Verb == "impersonate" {
				rights = append(rights, a.Resource.Resource+"/"+a.Subresource+" "+a.Namespace+"/"+a.Name)
			}
			return apiserver.Allow
		})
		c.Hooks = []apiserver.Hook{apiserver.ValidateFunc(func(ctx context.Context, a *apiserver.Admission) error {
			actor = apiserver.UserFrom(ctx)
			return nil
		})}
	})
	f.ok("POST", configMaps, `{"metadata":{"name":"x"}}`,
		"Impersonate-User: system:serviceaccount:shop:robot", "Impersonate-Uid: 7", "Impersonate-Extra-Scopes: all")
	require.Equal(t, []string{"serviceaccounts/ shop/robot", "uids/ /7", "userextras/scopes /all"}, rights)
	require.Equal(t, []string{"system:serviceaccounts", "system:serviceaccounts:shop", "system:authenticated"}, actor.Groups)
	require.Equal(t, map[string][]string{"scopes": {"all"}}, actor.Extra)
}

func TestPaths_are_listed(t *testing.T) {
	f := start(t)
	paths := f.ok("GET", "/", "").at("paths")
	for _, path := range []string{"/api/v1", "/apis/apps", "/apis/apps/v1", "/healthz", "/openapi/v3", "/version"} {
		require.Contains(t, paths, path)
	}
}
