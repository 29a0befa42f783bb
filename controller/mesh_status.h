/* SPDX-License-Identifier: Apache-2.0
 * The XMesh object that stands for this mesh (GEP-3949, REQ-151 to REQ-154): made by the leader
 * where its kind exists and nobody made it, its spec never touched, its status kept. */
#pragma once
#include <weft/kube/client.h>
#include <weft/object/store.h>

struct controller_mesh_status_options {
    struct weft_kube *kube;
    const struct weft_store *store; /* XMesh objects */
    const char *name;               /* of ours, "weft" */
    const char *ns;                 /* the controller's, for the message */
};
struct controller_mesh_status;
struct controller_mesh_status *
controller_mesh_status_new(struct weft_loop *l, const struct controller_mesh_status_options *opt);
void controller_mesh_status_lead(struct controller_mesh_status *m, bool leads);
void controller_mesh_status_look(struct controller_mesh_status *m); /* the store changed */
struct controller_mesh_status *controller_mesh_status_free(struct controller_mesh_status *m);
/* status.supportedFeatures: sorted by name (REQ-153). New reference. */
json_t *controller_mesh_features(void);
