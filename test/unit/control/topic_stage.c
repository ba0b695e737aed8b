#include "topic_stage.h"

#include "service/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void topic_create(struct simulated_cloud *cloud)
{
    char token[128];
    cloud_ok(cloud, "sns", "CreateTopic", "{'Name': 't'}");
    cloud_ok(cloud, "sns", "Subscribe",
             "{'TopicArn': '" TOPIC_ARN "', 'Protocol': 'http', 'Endpoint': 'http://a/'}");
    const json_t *doc = store_first(cloud->store, "subscription", cloud->region).doc;
    snprintf(token, sizeof token, "%s", doc_text(doc, "_token"));
    cloud_ok(cloud, "sns", "ConfirmSubscription", "{'TopicArn': '" TOPIC_ARN "', 'Token': '%s'}",
             token);
}

int topic_count(const struct simulated_cloud *cloud)
{
    int count = 0;
    store_each (cursor, cloud->store, "delivery", cloud->region)
        count += doc_is(cursor.doc, "Type", "Notification");
    return count;
}

json_t *topic_message(const struct simulated_cloud *cloud, int index, char subject[128])
{
    store_each (cursor, cloud->store, "delivery", cloud->region) {
        if (!doc_is(cursor.doc, "Type", "Notification") || index-- > 0)
            continue;
        json_auto_t *body = json_loads(doc_text(cursor.doc, "_body"), 0, NULL);
        json_t *message = json_loads(doc_text(body, "Message"), 0, NULL);
        assert_non_null(message);
        snprintf(subject, 128, "%s", doc_text(body, "Subject"));
        return message;
    }
    fail_msg("there are not so many messages");
    return NULL;
}

json_t *topic_newest(const struct simulated_cloud *cloud, char subject[128])
{
    return topic_message(cloud, topic_count(cloud) - 1, subject);
}
