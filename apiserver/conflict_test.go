package apiserver_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/coracle-k8s/coracle/api"
	"github.com/coracle-k8s/coracle/apiserver"
)

// rival writes the object that somebody else is about to write, in the middle
// of that, as often as it is told to.
func rival(t *testing.T, times int) (*fixture, *int) {
	attempts := 0
	var f *fixture
	f = start(t, func(c *apiserver.Config) {
		c.Hooks = []apiserver.Hook{apiserver.ValidateFunc(func(ctx context.Context, a *apiserver.Admission) error {
			if a.Operation == apiserver.Create {
				return nil
			}
			if attempts++; attempts > times {
				return nil
			}
			_, err := f.Objects().Modify(ctx, a.Resource, a.Namespace, a.Name, func(obj api.Object) error {
				obj.(*corev1.ConfigMap).Data = map[string]string{"rival": fmt.Sprint(attempts)}
				return nil
			})
			return err
		})}
	})
	f.configMap("a")
	return f, &attempts
}

func TestConflict_patch_is_applied_to_what_the_other_wrote(t *testing.T) {
	f, attempts := rival(t, 2)
	patched := f.ok("PATCH", configMaps+"/a", `{"data":{"mine":"yes"}}`)
	require.Equal(t, map[string]any{"mine": "yes", "rival": "2"}, patched.at("data"))
	require.Equal(t, 3, *attempts)
}

func TestConflict_patch_gives_up(t *testing.T) {
	f, attempts := rival(t, 100)
	status := f.refused(409, "PATCH", configMaps+"/a", `{"data":{"mine":"yes"}}`)
	require.Equal(t, "Conflict", status.text("reason"))
	require.Equal(t, 5, *attempts)
}

func TestConflict_update_of_a_named_state(t *testing.T) {
	f, _ := rival(t, 1)
	f.refused(409, "PUT", configMaps+"/a", `{"metadata":{"name":"a","resourceVersion":"2"},"data":{"mine":"yes"}}`)
	require.Equal(t, "1", f.ok("GET", configMaps+"/a", "").at("data.rival"))
}

func TestConflict_update_of_any_state(t *testing.T) {
	f, _ := rival(t, 1)
	put := f.ok("PUT", configMaps+"/a", `{"metadata":{"name":"a"},"data":{"mine":"yes"}}`)
	require.Equal(t, map[string]any{"mine": "yes"}, put.at("data"))
}

func TestConflict_delete_is_tried_again(t *testing.T) {
	f, attempts := rival(t, 1)
	f.ok("DELETE", configMaps+"/a", "")
	require.Equal(t, 2, *attempts)
	f.refused(404, "GET", configMaps+"/a", "")

	f, _ = rival(t, 1)
	f.refused(409, "DELETE", configMaps+"/a", `{"preconditions":{"resourceVersion":"2"}}`)
}
