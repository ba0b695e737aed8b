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
    X(ListTagsForResource)                                                                         \
    X(RemoveTagsFromCertificate)                                                                   \
    X(RenewCertificate)                                                                            \
    X(RequestCertificate)                                                                          \
    X(ResendValidationEmail)                                                                       \
    X(TagResource)                                                                                 \
    X(UntagResource)                                                                               \
    X(UpdateCertificateOptions)

#define X(name) service_handler acm_##name;
ACM_OPERATIONS(X)
#undef X
