/* A metadata service for one instance under test, inside its network namespace. */
#pragma once

#include <sys/types.h>

/* Serves the user data (and a key pair) at 169.254.169.254:80 until it is killed. Its pid. */
pid_t metadata_service_start(int netns_fd, const char *user_data);

#define METADATA_PUBLIC_KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIexample test-key"
