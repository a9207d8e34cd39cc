package api_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/api"
)

func TestTable_DefaultColumns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pod := somePod()
		pod.CreationTimestamp = metav1.Now()
		time.Sleep(90 * time.Minute)

		var r api.Resource
		header := r.TableHeader()
		require.Len(t, header, 2)
		require.Equal(t, "name", header[0].Format, "kubectl finds the name by that")
		require.Equal(t, []any{"web", "90m"}, r.TableRow(pod).Cells)
		require.Equal(t, "<unknown>", api.Age(metav1.Time{}))
	})
}

func TestEmbedRow(t *testing.T) {
	pod := somePod()
	var none, some, whole metav1.TableRow
	api.EmbedRow(&none, pod, metav1.IncludeNone)
	require.Nil(t, none.Object.Object)

	api.EmbedRow(&some, pod, "")
	partial := some.Object.Object.(*metav1.PartialObjectMetadata)
	require.Equal(t, "PartialObjectMetadata", partial.Kind)
	require.Equal(t, pod.ObjectMeta, partial.ObjectMeta)

	api.EmbedRow(&whole, pod, metav1.IncludeObject)
	require.Same(t, pod, whole.Object.Object)
}

func TestTable_RowConditions(t *testing.T) {
	r := api.Resource{RowConditions: api.Value(func(*corev1.Pod) []metav1.TableRowCondition {
		return []metav1.TableRowCondition{{Type: metav1.RowCompleted}}
	})}
	require.Len(t, r.TableRow(somePod()).Conditions, 1)
}
