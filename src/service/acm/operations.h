/* The operations of Certificate Manager that work: each X is a handler `acm_X`. */
#pragma once

#include "service/call.h"

#define ACM_OPERATIONS(X)                                                                          \
    X(AddTagsToCertificate)                                                                        \
    X(DeleteCertificate)                                                                           \
    X(DescribeCertificate)                                                                         \
    X(GetCertificate)                                                                              \
    X(ImportCertificate)                                                                           \
    X(ListCertificates)                                                                            \
    X(ListTagsForCertificate)                                                                      \
    X(RemoveTagsFromCertificate)                                                                   \
    X(RequestCertificate)

#define X(name) service_handler acm_##name;
ACM_OPERATIONS(X)
#undef X
