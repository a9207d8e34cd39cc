package kinds

import (
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/coracle-k8s/coracle/api"
)

func replicaSets() *api.Resource {
	return &api.Resource{
		GroupVersionKind: appsv1.SchemeGroupVersion.WithKind("ReplicaSet"),
		Plural:           "replicasets",
		Singular:         "replicaset",
		ShortNames:       []string{"rs"},
		Categories:       []string{"all"},
		Namespaced:       true,
		New:              func() api.Object { return &appsv1.ReplicaSet{} },
		NewList:          func() runtime.Object { return &appsv1.ReplicaSetList{} },
		Default:          api.Do(defaultReplicaSet),
		CopyStatus:       api.Pair(func(dst, src *appsv1.ReplicaSet) { dst.Status = src.Status }),
		Generation:       true,
		Scale: &api.Scale{
			Get: api.Value(func(rs *appsv1.ReplicaSet) *autoscalingv1.Scale {
				return scaleOf(rs, rs.Spec.Replicas, rs.Status.Replicas, rs.Spec.Selector)
			}),
			Set: func(obj api.Object, replicas int32) { obj.(*appsv1.ReplicaSet).Spec.Replicas = &replicas },
		},
		FieldNames: []string{"status.replicas"},
		Fields: api.Value(func(rs *appsv1.ReplicaSet) fields.Set {
			return fields.Set{"status.replicas": strconv.Itoa(int(rs.Status.Replicas))}
		}),
	}
}

func defaultReplicaSet(rs *appsv1.ReplicaSet) {
	setDefaultPtr(&rs.Spec.Replicas, 1)
	defaultPodSpec(&rs.Spec.Template.Spec)
}
