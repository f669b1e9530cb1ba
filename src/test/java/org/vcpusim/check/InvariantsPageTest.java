package org.vcpusim.check;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** {@code docs/invariants.md} against the invariants that there are. */
class InvariantsPageTest {
    @Test
    void thePageHasARowForEachInvariantAndNoOther() throws IOException {
        List<String> rows = Files.readAllLines(Path.of("docs", "invariants.md")).stream()
                .filter(line -> line.matches("\\| [A-Z][0-9].*"))
                .sorted()
                .toList();
        List<String> expected = Invariants.all().list().stream()
                .map(each -> "| " + each.id() + " | " + each.title() + " | `"
                        + each.getClass().getSimpleName() + "` |")
                .sorted()
                .toList();
        assertEquals(String.join("\n", expected), String.join("\n", rows));
    }
}
