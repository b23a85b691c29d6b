/** What only the boot script may ask of the flash storage: moving files would pull the ground from under code that runs. */
interface BoardStorage {
  compact(): void;
  getStats(): { readonly freeBytes: number; readonly trashBytes: number };
}
