package org.vcpusim.sim;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.io.StringWriter;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.vcpusim.scenario.InputException;
import org.vcpusim.trace.FileFailures;

/**
 * A recorded vector: operations on a small machine, and after each what the recorded kernel answered and how its state
 * changed.
 *
 * @param path as it was given
 * @param machine words of the {@code vm} line, without the first
 * @param initial the whole state after reset
 * @param operations in order
 */
public record VectorFile(String path, List<Word> machine, List<Word> initial, List<Operation> operations) {
    private static final long LARGEST_BYTES = 64L << 20;

    public VectorFile {
        machine = List.copyOf(machine);
        initial = List.copyOf(initial);
        operations = List.copyOf(operations);
    }

    /** {@code key=value}; the value is empty where there is no {@code =}. */
    public record Word(String key, String value) {
        static Word of(String text) {
            int equals = text.indexOf('=');
            return equals < 0 ? new Word(text, "") : new Word(text.substring(0, equals), text.substring(equals + 1));
        }

        @Override
        public String toString() {
            return value.isEmpty() ? key : key + "=" + value;
        }
    }

    /**
     * An operation and what came of it.
     *
     * @param line of the operation in the file, from 1
     * @param words of the operation
     * @param result what is behind the {@code =}
     * @param changes keys whose value is different afterwards
     */
    public record Operation(int line, List<String> words, String result, List<Word> changes) {
        public Operation {
            words = List.copyOf(words);
            changes = List.copyOf(changes);
        }
    }

    /** Whether {@code path} is named like a vector file. */
    public static boolean isNamedLikeOne(Path path) {
        String file = String.valueOf(path.getFileName());
        return file.endsWith(".vec") || file.endsWith(".vec.gz");
    }

    /**
     * Reads a vector file, packed with gzip or not.
     *
     * @throws InputException where it cannot be read or is no vector file
     */
    public static VectorFile read(Path path) {
        String file = String.valueOf(path.getFileName());
        try (InputStream raw = Files.newInputStream(path);
                InputStream in = file.endsWith(".gz") ? new GZIPInputStream(raw) : raw) {
            if (Files.size(path) > LARGEST_BYTES) {
                throw new InputException(path + ": " + Files.size(path) + " bytes: must be at most " + LARGEST_BYTES);
            }
            Reader reader = new InputStreamReader(
                    in,
                    StandardCharsets.US_ASCII
                            .newDecoder()
                            .onMalformedInput(CodingErrorAction.REPORT)
                            .onUnmappableCharacter(CodingErrorAction.REPORT));
            return new Parser(path.toString()).parse(reader);
        } catch (CharacterCodingException e) {
            throw new InputException(path + ": holds bytes that are not ASCII: must be a vector file");
        } catch (ZipException | EOFException e) {
            throw new InputException(path + ": is not a whole gzip file: must be a vector file packed with gzip");
        } catch (IOException e) {
            throw new InputException(path + ": cannot be read: " + FileFailures.reason(e));
        }
    }

    /** Reads the lines one after the other. */
    private static final class Parser {
        private final String file;
        private final List<Operation> operations = new ArrayList<>();
        private List<Word> machine = List.of();
        private List<Word> initial = List.of();
        private List<String> pending = List.of();
        private int pendingLine;
        private int number;

        private Parser(String file) {
            this.file = file;
        }

        VectorFile parse(Reader reader) throws IOException {
            StringWriter whole = new StringWriter();
            reader.transferTo(whole);
            String text = whole.toString();
            text.lines().forEach(line -> {
                number++;
                parseLine(line);
            });
            if (!text.isEmpty() && !text.endsWith("\n")) {
                throw error("ends in the middle of a line", "the last line must end as the others do");
            }
            if (machine.isEmpty()) {
                throw error("has no vm line", "a vector file starts with comments and a vm line");
            }
            if (!pending.isEmpty()) {
                throw error("ends after the operation of line " + pendingLine, "a line with its result must follow");
            }
            if (initial.isEmpty()) {
                throw error("ends before the state after reset", "a ~ line must follow the vm line");
            }
            return new VectorFile(file, machine, initial, operations);
        }

        private void parseLine(String line) {
            if (line.isEmpty() || line.charAt(0) == '#') {
                return;
            }
            if (line.startsWith("vm")) {
                List<Word> words = parseWords(line);
                machine = words.isEmpty() ? List.of(new Word("vcpus", "1")) : words;
            } else if (machine.isEmpty()) {
                throw error("found \"" + shortened(line) + "\"", "must be a comment or the vm line");
            } else if (line.startsWith("> ")) {
                startOperation(line.substring(2).trim());
            } else if (line.startsWith("= ") || line.startsWith("~ ")) {
                answer(line);
            } else {
                throw error("found \"" + shortened(line) + "\"", "must start with \"#\", \"> \", \"= \" or \"~ \"");
            }
        }

        private void startOperation(String text) {
            if (!pending.isEmpty()) {
                throw error("the operation of line " + pendingLine + " has no result", "a line with = must follow it");
            }
            pending = List.of(text.split(" +"));
            pendingLine = number;
        }

        private void answer(String line) {
            if (line.startsWith("= ")) {
                if (pending.isEmpty()) {
                    throw error("a result without an operation", "must follow a line with >");
                }
                operations.add(
                        new Operation(pendingLine, pending, line.substring(2).trim(), List.of()));
                pending = List.of();
            } else if (operations.isEmpty() && pending.isEmpty()) {
                initial = parseWords(line);
            } else if (pending.isEmpty()) {
                Operation last = operations.remove(operations.size() - 1);
                operations.add(new Operation(last.line, last.words, last.result, parseWords(line)));
            } else {
                throw error(
                        "a state before the result",
                        "the operation of line " + pendingLine + " needs its result first");
            }
        }

        private List<Word> parseWords(String line) {
            String[] parts = line.trim().split(" +");
            List<Word> words = new ArrayList<>();
            for (String part : List.of(parts).subList(1, parts.length)) {
                words.add(Word.of(part));
            }
            return words;
        }

        private static String shortened(String line) {
            return line.length() <= 40 ? line : line.substring(0, 40) + "...";
        }

        private InputException error(String found, String allowed) {
            return new InputException(file + ":" + number + ": " + found + ": " + allowed);
        }
    }
}
