package org.vcpusim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What the documents call by name against the sources. */
class DocumentNamesTest {
    private static final Pattern NAME = Pattern.compile("`(?:[a-z]+\\.)?([A-Z]\\w+)\\.(\\w+)");

    private static List<Path> files(String ending, String... roots) throws IOException {
        List<Path> files = new ArrayList<>();
        for (String root : roots) {
            try (Stream<Path> walk = Files.walk(Path.of(root))) {
                walk.filter(file -> file.toString().endsWith(ending)).sorted().forEach(files::add);
            }
        }
        return files;
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void aMemberThatADocumentNamesStandsInItsClass() throws IOException {
        Map<String, String> sources = files(".java", "src/main/java", "src/test/java").stream()
                .filter(file -> !file.endsWith("package-info.java"))
                .collect(Collectors.toMap(
                        file -> file.getFileName().toString().replace(".java", ""),
                        DocumentNamesTest::text,
                        String::concat));
        List<String> missing = new ArrayList<>();
        int named = 0;
        for (Path document : files(".md", "docs")) {
            Matcher name = NAME.matcher(text(document));
            while (name.find()) {
                String source = sources.get(name.group(1));
                if (source != null) {
                    named++;
                    boolean there = Pattern.compile("\\b" + name.group(2) + "\\b")
                            .matcher(source)
                            .find();
                    if (!there) {
                        missing.add(document + ": " + name.group().substring(1));
                    }
                }
            }
        }
        assertEquals(List.of(), missing);
        assertTrue(named > 300, named + " names");
    }
}
