/* For programs under the leak sanitizer: libraries stay loaded to the end, so that a leak in one of
 * MPI's can be told by its name, which scripts/lsan.supp knows. */
int dlclose(void *library);

int dlclose(void *library)
{
  (void)library;
  return 0;
}
