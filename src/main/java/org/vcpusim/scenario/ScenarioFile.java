package org.vcpusim.scenario;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigResolveOptions;
import com.typesafe.config.ConfigSyntax;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Reads scenario files; {@code docs/scenarios.md} describes the language.
 *
 * <p>Whatever is wrong is an {@link InputException} of one line.
 */
public final class ScenarioFile {
    private static final String ENDING = ".conf";
    private static final int DEEPEST = 100;

    private ScenarioFile() {}

    /** Reads the scenario in {@code path}. */
    public static Scenario read(Path path) {
        if (Files.isDirectory(path)) {
            throw new InputException(path + ": must be a file, is a directory");
        }
        if (!Files.exists(path)) {
            throw new InputException(path + ": must be a file that exists");
        }
        return parse(text(path), path.toString());
    }

    private static String text(Path path) {
        long most = Limits.settings("vcpusim.scenario").getLong("bytes");
        try {
            long bytes = Files.size(path);
            if (bytes > most) {
                throw new InputException(path + ": size = " + bytes + ": must be at most " + most + " bytes");
            }
            return decoded(path, Files.readAllBytes(path));
        } catch (IOException e) {
            throw new InputException(path + ": must be a file that can be read: " + e.getMessage());
        }
    }

    private static String decoded(Path path, byte[] bytes) {
        for (int at = 0; at < bytes.length; at++) {
            if (bytes[at] == 0) {
                throw new InputException(path + ": byte " + at + " = 0x00: must be text in UTF-8");
            }
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new InputException(path + ": must be text in UTF-8");
        }
    }

    /**
     * Reads the scenario {@code text}.
     *
     * @param origin the name of the file in errors; the scenario's name is its last part without ending
     */
    public static Scenario parse(String text, String origin) {
        if (text.isBlank()) {
            throw new InputException(origin + ":1: must be a scenario, is empty");
        }
        refuseDepth(text, origin);
        ConfigObject root = hocon(text, origin);
        String last = origin.substring(origin.lastIndexOf('/') + 1);
        String name = last.endsWith(ENDING) ? last.substring(0, last.length() - ENDING.length()) : last;
        return ScenarioReader.of(new ScenarioText(origin, name, title(text, name), root, null))
                .read();
    }

    /** The first comment line, or the name. */
    private static String title(String text, String name) {
        String first = text.lines().findFirst().orElse("");
        String title = first.replaceFirst("^(#+|//+)", "").strip();
        return first.startsWith("#") || first.startsWith("//") ? title : name;
    }

    /** The library's parser goes as deep as the brackets do, so that a stack must be enough for them. */
    private static void refuseDepth(String text, String origin) {
        int depth = 0;
        int line = 1;
        for (int at = 0; at < text.length(); at++) {
            char c = text.charAt(at);
            line += c == '\n' ? 1 : 0;
            depth += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
            if (depth > DEEPEST) {
                throw new InputException(
                        origin + ":" + line + ": brackets = " + depth + " deep: must be at most " + DEEPEST + " deep");
            }
        }
    }

    private static ConfigObject hocon(String text, String origin) {
        ConfigParseOptions options = ConfigParseOptions.defaults()
                .setSyntax(ConfigSyntax.CONF)
                .setOriginDescription(origin)
                .setIncluder(new NoIncludes(text, origin));
        try {
            return ConfigFactory.parseString(text, options)
                    .resolve(ConfigResolveOptions.noSystem())
                    .root();
        } catch (ConfigException e) {
            throw new InputException(origin + ":" + line(e) + ": must be HOCON: " + reason(e, origin));
        }
    }

    private static int line(ConfigException e) {
        return e.origin() == null ? 1 : Math.max(1, e.origin().lineNumber());
    }

    /** The library's message begins with the place, which is said already, and may end with advice about JSON and properties. */
    private static String reason(ConfigException e, String origin) {
        String message = String.valueOf(e.getMessage()).replaceAll("\\s+", " ");
        String place = origin + ": " + line(e) + ": ";
        int at = message.indexOf(place);
        return (at < 0 ? message : message.substring(at + place.length())).replaceFirst(" \\((if|JSON) .*", "");
    }
}
