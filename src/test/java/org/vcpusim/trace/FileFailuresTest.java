package org.vcpusim.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import org.junit.jupiter.api.Test;

class FileFailuresTest {
    @Test
    void theReasonDoesNotNameTheFileAgain() {
        assertEquals("no such folder", FileFailures.reason(new NoSuchFileException("folder/file")));
        assertEquals("permission denied", FileFailures.reason(new AccessDeniedException("folder/file")));
        assertEquals(
                "a file of that name is in the way",
                FileFailures.reason(new FileAlreadyExistsException("folder/file")));
        assertEquals(
                "Too many levels of symbolic links",
                FileFailures.reason(new FileSystemException("folder/file", null, "Too many levels of symbolic links")));
        assertEquals("FileSystemException", FileFailures.reason(new FileSystemException("folder/file")));
        assertEquals("No space left on device", FileFailures.reason(new IOException("No space left on device")));
    }
}
