package org.vcpusim.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/json.md} against the documents that there are. */
class JsonDocumentsTest {
    private static Set<String> named(Path file, Pattern name) throws IOException {
        Set<String> found = new TreeSet<>();
        Matcher matcher = name.matcher(Files.readString(file));
        while (matcher.find()) {
            found.add(matcher.group(1));
        }
        return found;
    }

    @Test
    void thePageHasEachDocumentAndNoOther() throws IOException {
        Set<String> written = new TreeSet<>();
        List<Path> sources;
        try (Stream<Path> walk = Files.walk(Path.of("src", "main", "java"))) {
            sources = walk.filter(file -> file.toString().endsWith(".java")).toList();
        }
        for (Path source : sources) {
            written.addAll(named(source, Pattern.compile("\"(vcpusim\\.[a-z-]+/\\d+)\"")));
        }
        assertEquals(written, named(Path.of("docs", "json.md"), Pattern.compile("`(vcpusim\\.[a-z-]+/\\d+)`")));
    }
}
